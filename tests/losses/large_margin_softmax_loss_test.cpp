#include "support/catch.hpp"
#include "support/proxies.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/large_margin_softmax_loss.hpp>

#include <cmath>
#include <numbers>

using Catch::Matchers::WithinAbs;
using diva::LargeMarginSoftmaxLoss;
using diva::LargeMarginSoftmaxLossOptions;

namespace {

constexpr double pi = std::numbers::pi;
const auto rows = torch::tensor({{2.0, 0.0}, {0.0, 1.0}}, torch::kFloat64);

double value(const LargeMarginSoftmaxLossOptions& options, double degrees, double length) {
  const double angle = degrees * pi / 180;
  const auto x = torch::tensor({{length * std::cos(angle), length * std::sin(angle)}}, torch::kFloat64);
  return with_proxies<LargeMarginSoftmaxLoss>(options, rows).forward(x, indices({0})).item<double>();
}

double two_logits(double own, double other) { return std::log(1 + std::exp(other - own)); }

}  // namespace

TEST_CASE("large_margin_softmax worked by hand") {
  // ‖x‖ = 3, ‖w‖ = 2 and 1, m = 2. At 60°: ψ = cos 120° = −0.5, logits −3 and 3 sin 60°.
  const double other = 3 * std::sin(pi / 3);
  CHECK_THAT(value({.margin = 2}, 60, 3), WithinAbs(two_logits(-3, other), 1e-12));
  // At 120° k = 1: ψ = −cos 240° − 2 = −1.5.
  CHECK_THAT(value({.margin = 2}, 120, 3), WithinAbs(two_logits(-9, other), 1e-12));
  CHECK_THAT(value({.margin = 2, .scale = 0.5}, 120, 3), WithinAbs(two_logits(-4.5, other / 2), 1e-12));
  // SphereFace: without ‖w‖.
  CHECK_THAT(value({.margin = 2, .weight_norms = false}, 120, 3), WithinAbs(two_logits(-4.5, other), 1e-12));
}

TEST_CASE("the margin of large_margin_softmax follows arc cosines for all angles, and falls with the angle") {
  for (const std::int64_t margin : {1, 2, 3, 4, 5, 7}) {
    double last = 2;
    for (double degrees = 0; degrees <= 180; degrees += 1.5) {
      const auto m = static_cast<double>(margin);
      const double angle = degrees * pi / 180, k = std::min(std::floor(angle * m / pi), m - 1);
      const double expected = (std::fmod(k, 2) == 0 ? 1 : -1) * std::cos(m * angle) - 2 * k;
      // log(1 + exp(b − a)) = value with a = ψ, b = sin θ, for lengths of 1 and SphereFace.
      const double psi = std::sin(angle) - std::log(std::expm1(value({.margin = margin, .weight_norms = false}, degrees, 1)));
      CAPTURE(margin, degrees);
      REQUIRE(std::abs(psi - expected) < 1e-9);
      REQUIRE(psi < last + 1e-12);
      last = psi;
    }
  }
}

TEST_CASE("large_margin_softmax of zeros is log C, and a margin below 1 is refused") {
  CHECK_THAT(value({}, 0, 0), WithinAbs(std::log(2.0), 1e-12));
  diva::Generator generator(1);
  CHECK_THROWS_AS(LargeMarginSoftmaxLoss({.margin = 0}, 2, 2, generator), diva::OptionError);
  CHECK(LargeMarginSoftmaxLoss({}, 2, 2, generator).name() == "large_margin_softmax");
  CHECK(LargeMarginSoftmaxLoss({.weight_norms = false}, 2, 2, generator).name() == "sphereface");
}
