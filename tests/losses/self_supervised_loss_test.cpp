#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/losses/contrastive_loss.hpp>
#include <diva/losses/margin_loss.hpp>
#include <diva/losses/self_supervised_loss.hpp>
#include <diva/losses/vicreg_loss.hpp>

TEST_CASE("self_supervised_loss gives both views of a sample one class") {
  const auto a = diva::Generator(1).normal({4, 3}, torch::kFloat64), b = diva::Generator(2).normal({4, 3}, torch::kFloat64);
  const auto labels = torch::tensor({7, 3, 5, 1}, torch::kInt64);
  diva::ContrastiveLoss loss;
  CHECK(diva::self_supervised_loss(loss, a, b).item<double>() ==
        loss.forward(torch::cat({a, b}), torch::cat({labels, labels})).item<double>());
  CHECK(diva::self_supervised_loss(loss, a, b, {.symmetric = false}).item<double>() ==
        loss.forward(a, labels, {}, diva::Reference{b, labels}).item<double>());
  diva::VicregLoss vicreg;
  CHECK(diva::self_supervised_loss(vicreg, a, b, {.symmetric = false}).item<double>() ==
        vicreg.forward(a, {}, {}, diva::Reference{b}).item<double>());
  CHECK_THROWS_AS(diva::self_supervised_loss(loss, a, b.narrow(0, 0, 3)), diva::ShapeError);
}

TEST_CASE("self_supervised compares the halves of a batch, or the batch with its reference") {
  const auto a = diva::Generator(1).normal({4, 3}, torch::kFloat64), b = diva::Generator(2).normal({4, 3}, torch::kFloat64);
  for (const bool symmetric : {true, false}) {
    const auto inner = std::make_shared<diva::ContrastiveLoss>();
    diva::SelfSupervisedLoss loss(inner, {.symmetric = symmetric});
    const double expected = diva::self_supervised_loss(*inner, a, b, {.symmetric = symmetric}).item<double>();
    CHECK(loss.forward(torch::cat({a, b}), {}).item<double>() == expected);
    CHECK(loss.forward(a, torch::tensor({1, 1, 1, 1}, torch::kInt64), {}, diva::Reference{b}).item<double>() == expected);
    CHECK(loss.forward(a.narrow(0, 0, 0), {}).item<double>() == 0);
    CHECK_THROWS_AS(loss.forward(a.narrow(0, 0, 3), {}), diva::ShapeError);
    CHECK_THROWS_AS(loss.forward(a, {}, {}, diva::Reference{b.narrow(0, 0, 3)}), diva::ShapeError);
    const auto index = torch::tensor({0}, torch::kInt64);
    CHECK_THROWS_AS(loss.forward(a, {}, diva::Triplets{index, index, index}), diva::OptionError);
  }
  CHECK_THROWS_AS(diva::SelfSupervisedLoss(nullptr), diva::OptionError);
}

TEST_CASE("self_supervised keeps the state of its criterion") {
  diva::SelfSupervisedLoss source(std::make_shared<diva::MarginLoss>(diva::MarginLossOptions{}, 4)),
      target(std::make_shared<diva::MarginLoss>(diva::MarginLossOptions{}, 4));
  REQUIRE(source.named_parameters()[0].name == "loss.beta");
  source.parameters()[0].detach().fill_(0.7);
  target.restore(source.state());
  CHECK(torch::equal(target.parameters()[0], source.parameters()[0]));
  CHECK(target.learning_rate() == source.learning_rate());
}
