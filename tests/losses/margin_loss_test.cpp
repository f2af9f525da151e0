#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/margin_loss.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;

namespace {

// On a line: 0 at 0, 1 at 1, 2 at 1.1, 3 at 1.5. The smoothing of 1e-8 moves distances of this size by less than 1e-8.
const auto x = torch::tensor({{0.0}, {1.0}, {1.1}, {1.5}}, torch::kFloat64);
const auto labels = torch::tensor({0, 0, 1, 1}, torch::kInt64);

diva::Triplets triplets(std::vector<std::int64_t> a, std::vector<std::int64_t> p, std::vector<std::int64_t> n) {
  return {torch::tensor(a, torch::kInt64), torch::tensor(p, torch::kInt64), torch::tensor(n, torch::kInt64)};
}

}  // namespace

TEST_CASE("margin loss of one triplet worked by hand, both terms active") {
  // β 1.2, α 0.3: pull (1 − 1.2 + 0.3) = 0.1, push (1.2 − 1.1 + 0.3) = 0.4; two active pairs: 0.25. By triplets: 0.5.
  const auto t = triplets({0}, {1}, {2});
  CHECK_THAT(diva::MarginLoss({.margin = 0.3}, 2).forward(x, labels, t).item<double>(), WithinAbs(0.25, 1e-7));
  CHECK_THAT(diva::MarginLoss({.margin = 0.3, .counting = diva::Variant::repo}, 2).forward(x, labels, t).item<double>(),
             WithinAbs(0.5, 1e-7));
}

TEST_CASE("margin loss divides by active pairs only") {
  // α 0.2. (0,1,2): pull 1 − 1.2 + 0.2 = 0 (at the edge, with the smoothing 5e-9 above: counted out by choosing β 1.21), push 0.31
  // − … β 1.21: (0,1,2): pull −0.01 → 0, push 1.21 − 1.1 + 0.2 = 0.31; (0,1,3): pull 0, push 1.21 − 1.5 + 0.2 = −0.09 → 0. One
  // active pair.
  CHECK_THAT(diva::MarginLoss({.boundary = 1.21}, 2).forward(x, labels, triplets({0, 0}, {1, 1}, {2, 3})).item<double>(),
             WithinAbs(0.31, 1e-6));
}

TEST_CASE("margin loss is zero when all pairs are separated, and its gradient is zero") {
  auto leaf = x.clone().requires_grad_();
  const diva::MarginLoss loss({.boundary = 1.25, .margin = 0.1}, 2);
  const auto value = loss.forward(leaf, labels, triplets({0}, {1}, {3}));
  CHECK(value.item<double>() == 0);
  value.backward();
  CHECK(leaf.grad().abs().sum().item<double>() == 0);
}

TEST_CASE("margin loss moves the boundary of the anchor's class only, outwards when positives are outside") {
  // (2,3,0) of class 1, β 0.3, α 0: pull 0.4 − 0.3 > 0, push 0.3 − 1.1 < 0: ∂L/∂β = −1 for class 1, 0 for class 0.
  diva::MarginLoss loss({.boundary = 0.3, .margin = 0}, 2);
  loss.forward(x, labels, triplets({2}, {3}, {0})).backward();
  const auto gradient = loss.parameters()[0].grad();
  CHECK(gradient[0].item<double>() == 0);
  CHECK(gradient[1].item<double>() == -1);
}

TEST_CASE("margin loss adds nu times the sum of the boundaries") {
  diva::MarginLoss loss({.boundary = 1.25, .margin = 0.1, .boundary_penalty = 0.5}, 2);
  const auto value = loss.forward(x, labels, triplets({0}, {1}, {3}));
  CHECK_THAT(value.item<double>(), WithinAbs(0.5 * 2.5, 1e-6));
  value.backward();
  CHECK(loss.parameters()[0].grad()[1].item<double>() == 0.5);
}

TEST_CASE("margin loss with a constant boundary has no parameters and takes any label") {
  const diva::MarginLoss loss;
  CHECK(loss.parameters().empty());
  CHECK_NOTHROW(loss.forward(x, labels + 1000, triplets({0}, {1}, {2})));
}

TEST_CASE("margin loss refuses options and labels out of range") {
  CHECK_THROWS_AS(diva::MarginLoss({.boundary = 0}, 2), diva::OptionError);
  CHECK_THROWS_AS(diva::MarginLoss({.margin = -1}, 2), diva::OptionError);
  CHECK_THROWS_AS(diva::MarginLoss({.boundary_penalty = NAN}, 2), diva::OptionError);
  CHECK_THROWS_AS(diva::MarginLoss({}, 0), diva::OptionError);
  CHECK_THROWS_AS(diva::MarginLoss({}, 1).forward(x, labels), diva::DataError);
  CHECK_THROWS_AS(diva::MarginLoss({}, 2).forward(x, labels - 1), diva::DataError);
}
