#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/losses/contrastive_loss.hpp>
#include <diva/losses/margin_loss.hpp>
#include <diva/losses/multiple_losses.hpp>
#include <diva/losses/triplet_loss.hpp>

using Catch::Matchers::WithinAbs;

namespace {

const auto labels = torch::tensor({0, 0, 1, 1, 2, 2}, torch::kInt64);

torch::Tensor batch() {
  const auto x = diva::Generator(1).normal({6, 4}, torch::kFloat64);
  return x / x.norm(2, 1, true);
}

diva::MultipleLosses margin_and_triplet() {
  return diva::MultipleLosses({{.name = "margin", .loss = std::make_shared<diva::MarginLoss>(diva::MarginLossOptions{}, 3)},
                               {.name = "triplet", .loss = std::make_shared<diva::TripletLoss>(), .weight = 0.5}});
}

}  // namespace

TEST_CASE("multiple losses are their weighted sum, with miners and regularisers") {
  const auto x = batch();
  const auto id = [](std::int64_t i) { return torch::tensor({i}, torch::kInt64); };
  const diva::Triplets one{id(0), id(1), id(2)};
  const auto proxies = torch::ones({2, 4}, torch::kFloat64).requires_grad_();
  diva::MultipleLosses sum({{.name = "a", .loss = std::make_shared<diva::ContrastiveLoss>(), .weight = 2},
                            {.name = "b",
                             .loss = std::make_shared<diva::TripletLoss>(),
                             .weight = 0.5,
                             .miner = [&](const diva::Comparison&) -> diva::Tuples { return one; }}},
                           {{.regularizer = diva::make_regularizer("lp"), .weight = 3},
                            {.regularizer = diva::make_regularizer("lp", R"({"power": 2})"), .weight = 4, .parameter = proxies}});
  REQUIRE(sum.losses().size() == 2);
  CHECK((sum.losses()[1].name == "b" && sum.losses()[1].weight == 0.5));
  const double expected = 2 * diva::ContrastiveLoss().forward(x, labels).item<double>() +
                          0.5 * diva::TripletLoss().forward(x, labels, one).item<double>() + 3 * 1 + 4 * 4;
  const auto value = sum.forward(x, labels);
  CHECK_THAT(value.item<double>(), WithinAbs(expected, 1e-12));
  value.backward();
  CHECK(torch::allclose(proxies.grad(), torch::full({2, 4}, 4.0, torch::kFloat64)));  // 4 · 2w / 2 rows
}

TEST_CASE("multiple losses keep parameters and state of each under its name") {
  auto source = margin_and_triplet(), target = margin_and_triplet();
  REQUIRE(source.named_parameters().size() == 1);
  CHECK(source.named_parameters()[0].name == "margin.beta");
  CHECK(source.learning_rate() == 5e-4);
  {
    torch::NoGradGuard guard;
    source.parameters()[0].add_(0.3);
  }
  target.restore(source.state());
  CHECK(torch::equal(target.parameters()[0], source.parameters()[0]));
  auto state = source.state();
  state.put("other.beta", torch::ones({3}));
  CHECK_THROWS_AS(target.restore(state), diva::DataError);
  source.to(torch::kFloat64);
  CHECK(source.parameters()[0].scalar_type() == torch::kFloat64);
}

TEST_CASE("multiple losses refuse no, missing and ambiguous criteria") {
  const auto loss = std::make_shared<diva::TripletLoss>();
  CHECK_THROWS_AS(diva::MultipleLosses(std::vector<diva::WeightedLoss>{}), diva::OptionError);
  CHECK_THROWS_AS(diva::MultipleLosses({{.name = "a", .loss = nullptr}}), diva::OptionError);
  CHECK_THROWS_AS(diva::MultipleLosses({{.name = "a", .loss = loss}, {.name = "a", .loss = loss}}), diva::OptionError);
  CHECK_THROWS_AS(diva::MultipleLosses({{.name = "a.b", .loss = loss}}), diva::OptionError);
}
