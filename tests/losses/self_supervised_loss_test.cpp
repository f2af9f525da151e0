#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/losses/contrastive_loss.hpp>
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
