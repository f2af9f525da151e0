#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/tuplet_margin_loss.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;

namespace {

// On the circle at 0°, 60° and 90°: cosines 0–1 ½, 0–2 0, 1–2 √3/2. The third has no positive.
const double half = 0.5, root = std::sqrt(3.0) / 2;
const auto x = torch::tensor({{1.0, 0.0}, {half, root}, {0.0, 1.0}}, torch::kFloat64);
const auto labels = torch::tensor({0, 0, 1}, torch::kInt64);

double value(const diva::TupletMarginLossOptions& options, const torch::Tensor& points = x) {
  return diva::TupletMarginLoss(options).forward(points, labels).item<double>();
}

}  // namespace

TEST_CASE("tuplet margin loss worked by hand") {
  // β 30°, s 2: the positive at 60° counts as at 30°: root. (0,1): log(1 + e^(2 (0 − root))), (1,0): log(1 + e^(2 (root − root))).
  CHECK_THAT(value({.margin = 30, .scale = 2}), WithinAbs((std::log(1 + std::exp(-2 * root)) + std::log(2.0)) / 2, 1e-12));
  // β 0: no slack.
  CHECK_THAT(value({.margin = 0, .scale = 2}),
             WithinAbs((std::log(1 + std::exp(-1.0)) + std::log(1 + std::exp(2 * root - 1))) / 2, 1e-12));
}

TEST_CASE("tuplet margin loss of equal and opposite embeddings has a finite gradient") {
  auto leaf = torch::cat({x.narrow(0, 0, 1), x.narrow(0, 0, 1), -x.narrow(0, 0, 1)}).requires_grad_();
  const auto value = diva::TupletMarginLoss().forward(leaf, labels);
  value.backward();
  CHECK(value.isfinite().item<bool>());
  CHECK(leaf.grad().isfinite().all().item<bool>());
}

TEST_CASE("tuplet margin loss refuses options out of range") {
  CHECK_THROWS_AS(diva::TupletMarginLoss({.margin = -1}), diva::OptionError);
  CHECK_THROWS_AS(diva::TupletMarginLoss({.scale = 0}), diva::OptionError);
}
