#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/supcon_loss.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;

namespace {

// On the circle at 0°, 60° and 90°: cosines 0–1 ½, 0–2 0, 1–2 √3/2. The third has no positive.
const double half = 0.5, root = std::sqrt(3.0) / 2;
const auto x = torch::tensor({{1.0, 0.0}, {half, root}, {0.0, 1.0}}, torch::kFloat64);
const auto labels = torch::tensor({0, 0, 1}, torch::kInt64);

double value(const diva::SupConLossOptions& options, const torch::Tensor& points = x) {
  return diva::SupConLoss(options).forward(points, labels).item<double>();
}

}  // namespace

TEST_CASE("supcon loss worked by hand") {
  // τ ½, one positive and one negative an anchor: as ntxent.
  const double expected = (std::log(1 + std::exp(-1.0)) + std::log(1 + std::exp(2 * root - 1))) / 2;
  CHECK_THAT(value({.temperature = 0.5}), WithinAbs(expected, 1e-12));
}

TEST_CASE("supcon loss has all others in its denominator and averages over positives") {
  // One class: anchor 0 has logits 1 and 0, 1: 1 and 2 root, 2: 0 and 2 root: log Σ exp minus the mean.
  const auto row = [](double a, double b) { return std::log(std::exp(a) + std::exp(b)) - (a + b) / 2; };
  CHECK_THAT(diva::SupConLoss({.temperature = 0.5}).forward(x, labels * 0).item<double>(),
             WithinAbs((row(1, 0) + row(1, 2 * root) + row(0, 2 * root)) / 3, 1e-12));
}

TEST_CASE("supcon loss refuses a temperature that is not positive") {
  CHECK_THROWS_AS(diva::SupConLoss({.temperature = 0}), diva::OptionError);
}
