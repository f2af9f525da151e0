#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/reducer.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;
using diva::Elements;
using diva::Reduction;

namespace {

torch::Tensor ids(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }

// Row 0: losses 1, 0, (5 masked); row 1: 2, 4, (6 masked). Labels 0 and 1.
const auto losses = torch::tensor({{1.0, 0.0, 5.0}, {2.0, 4.0, 6.0}}, torch::kFloat64);
const auto mask = torch::tensor({{true, true, false}, {true, true, false}});
const auto labels = torch::tensor({0, 1}, torch::kInt64);

double reduced(const diva::ReducerOptions& options) { return diva::reduce({{losses, mask}}, labels, 2, options).item<double>(); }

}  // namespace

TEST_CASE("reducers worked by hand") {
  CHECK(reduced({.kind = Reduction::mean}) == 7.0 / 4);
  CHECK(reduced({.kind = Reduction::sum}) == 7);
  CHECK(reduced({.kind = Reduction::non_zero_mean}) == 7.0 / 3);
  CHECK(reduced({.kind = Reduction::per_anchor}) == (1.0 + 3.0) / 2);  // row 0 has one loss above 0, row 1 two
  CHECK(reduced({.kind = Reduction::class_weighted, .class_weights = {10, 1}}) == (10.0 + 6) / 4);
  CHECK(reduced({.kind = Reduction::threshold, .low = 0.5, .high = 3}) == 1.5);  // 1 and 2
  CHECK(reduced({.kind = Reduction::divisor, .divisor = 5}) == 7.0 / 5);
  CHECK(torch::equal(diva::reduce({{losses, mask}}, labels, 2, {.kind = Reduction::none}),
                     torch::tensor({1.0, 0.0, 2.0, 4.0}, torch::kFloat64)));
}

TEST_CASE("a list of elements is reduced as the matrix that holds them") {
  const Elements list{torch::tensor({1.0, 0.0, 2.0, 4.0}, torch::kFloat64), {}, ids({0, 0, 1, 1})};
  for (const auto& [kind, name] : diva::enumerators(Reduction{})) {
    INFO(name);
    const diva::ReducerOptions options{.kind = kind, .low = 0.5, .high = 3, .divisor = 2, .class_weights = {3, 1}};
    CHECK(torch::equal(diva::reduce({list}, labels, 2, options), diva::reduce({{losses, mask}}, labels, 2, options)));
  }
}

TEST_CASE("weights of a relation multiply losses and count as one element") {
  const auto weights = torch::tensor({{0.5, 2.0, 0.0}, {1.0, 0.25, 0.0}}, torch::kFloat64);  // 0.5, 0, 2, 1
  CHECK(diva::reduce({{losses, weights}}, labels, 2, {}).item<double>() == 3.5 / 4);
  CHECK(diva::reduce({{losses * INFINITY, torch::zeros_like(losses)}}, labels, 2, {}).item<double>() == 0);
}

TEST_CASE("groups are reduced separately, and nothing is zero with a gradient") {
  const Elements other{torch::tensor({8.0, 0.0}, torch::kFloat64)};
  CHECK(diva::reduce({{losses, mask}, other}, labels, 2, {}).item<double>() == 7.0 / 4 + 4);
  for (const auto& [kind, name] : diva::enumerators(Reduction{})) {
    INFO(name);
    const auto x = losses.clone().requires_grad_();
    const auto value = diva::reduce({{x, torch::zeros_like(mask)}}, labels, 2, {.kind = kind, .class_weights = {1, 1}}).sum();
    CHECK(value.item<double>() == 0);
    value.backward();
    CHECK(torch::equal(x.grad(), torch::zeros_like(x)));
  }
}

TEST_CASE("NaN passes through every reducer, and a missing class weight is refused") {
  for (const auto& [kind, name] : diva::enumerators(Reduction{})) {
    INFO(name);
    CHECK(diva::reduce({{losses * NAN, mask}}, labels, 2, {.kind = kind, .class_weights = {1, 1}}).isnan().any().item<bool>());
  }
  CHECK_THROWS_AS(reduced({.kind = Reduction::class_weighted, .class_weights = {1}}), diva::OptionError);
}

TEST_CASE("every reduction is listed") {
  const auto listings = diva::reducer_listings();
  const auto kinds = enumerators(diva::Reduction{});
  REQUIRE(listings.size() == kinds.size());
  for (std::size_t i = 0; i < kinds.size(); ++i) CHECK(listings[i].name == kinds[i].second);
}
