#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/soft_nearest_neighbour_loss.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;

namespace {

// On the circle at 0°, 60° and 90°: cosines 0–1 ½, 0–2 0, 1–2 √3/2. The third has no positive.
const double half = 0.5, root = std::sqrt(3.0) / 2;
const auto x = torch::tensor({{1.0, 0.0}, {half, root}, {0.0, 1.0}}, torch::kFloat64);
const auto labels = torch::tensor({0, 0, 1}, torch::kInt64);

double value(const diva::SoftNearestNeighbourLossOptions& options, const torch::Tensor& points = x) {
  return diva::SoftNearestNeighbourLoss(options).forward(points, labels).item<double>();
}

}  // namespace

TEST_CASE("soft nearest neighbour loss worked by hand") {
  // Squared distances 0–1 1, 0–2 2, 1–2 2 − √3, at T 2.
  const double expected = (std::log(1 + std::exp(-0.5)) + std::log(1 + std::exp(-0.5 + root))) / 2;
  CHECK_THAT(value({.temperature = 2}), WithinAbs(expected, 1e-12));
  CHECK_THAT(value({.temperature = 2, .learn_temperature = true}), WithinAbs(expected, 1e-12));
}

TEST_CASE("soft nearest neighbour loss of a high temperature counts") {
  CHECK_THAT(value({.temperature = 1e9}), WithinAbs(std::log(2.0), 1e-8));
}

TEST_CASE("soft nearest neighbour loss learns the inverse of the temperature") {
  diva::SoftNearestNeighbourLoss loss({.temperature = 2, .learn_temperature = true});
  loss.to(torch::kFloat64);
  loss.forward(x, labels).backward();
  // ∂/∂w log(1 + e^(w d)) = d σ(w d) with d = −1 and −1 + √3, w ½.
  const auto slope = [](double d) { return d / (1 + std::exp(-d / 2)); };
  CHECK_THAT(loss.parameters()[0].grad().item<double>(), WithinAbs((slope(-1) + slope(-1 + 2 * root)) / 2, 1e-12));
  CHECK(diva::SoftNearestNeighbourLoss().parameters().empty());
}

TEST_CASE("soft nearest neighbour loss refuses a temperature that is not positive") {
  CHECK_THROWS_AS(diva::SoftNearestNeighbourLoss({.temperature = 0}), diva::OptionError);
}
