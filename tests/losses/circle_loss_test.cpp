#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/circle_loss.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;

namespace {

// On the circle at 0°, 60° and 90°: cosines 0–1 ½, 0–2 0, 1–2 √3/2. The third has no positive.
const double half = 0.5, root = std::sqrt(3.0) / 2;
const auto x = torch::tensor({{1.0, 0.0}, {half, root}, {0.0, 1.0}}, torch::kFloat64);
const auto labels = torch::tensor({0, 0, 1}, torch::kInt64);

double value(const diva::CircleLossOptions& options, const torch::Tensor& points = x) {
  return diva::CircleLoss(options).forward(points, labels).item<double>();
}

}  // namespace

TEST_CASE("circle loss worked by hand") {
  // m 0.4, γ 2. Anchor 0: positive −2 · 0.9 · (0.5 − 0.6) = 0.18, negative 2 · 0.4 · (0 − 0.4) = −0.32. Anchor 1: positive 0.18,
  // negative 2 (root + 0.4)(root − 0.4).
  const double zero = std::log(1 + std::exp(0.18 - 0.32)), one = std::log(1 + std::exp(0.18 + 2 * (root * root - 0.16)));
  CHECK_THAT(value({.scale = 2}), WithinAbs((zero + one) / 2, 1e-12));
  CHECK_THAT(value({.scale = 2}, x * 5), WithinAbs((zero + one) / 2, 1e-12));
}

TEST_CASE("circle loss: the weights of pairs are constants in the gradient") {
  // Of anchor 0 alone: ∂L/∂s_p = σ(z) · (−γ · 0.9), at z = 0.18 − 0.32.
  auto leaf = x.narrow(0, 0, 1).clone().requires_grad_();
  diva::CircleLoss loss({.scale = 2});
  loss.forward(leaf, labels.narrow(0, 0, 1), {}, diva::Reference{x.narrow(0, 1, 2), labels.narrow(0, 1, 2)}).backward();
  const double share = 1 / (1 + std::exp(-(0.18 - 0.32)));
  // Along (0, 1), the only direction in which cosines of (1, 0) move: root for the positive, 1 for the negative.
  CHECK_THAT(leaf.grad()[0][1].item<double>(), WithinAbs(share * (-2 * 0.9 * root + 2 * 0.4), 1e-12));
}

TEST_CASE("circle loss refuses a scale that is not positive") {
  CHECK_THROWS_AS(diva::CircleLoss({.scale = 0}), diva::OptionError);
}
