#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/losses/hyperbolic_loss.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;

namespace {

torch::Tensor classes(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }

// The reference's form: Möbius addition and artanh, points by the exponential map of clipped rows; c = 0.1.
double poincare(const torch::Tensor& a, const torch::Tensor& b) {
  constexpr double c = 0.1;
  const auto point = [](torch::Tensor row) {
    const double length = row.norm().item<double>(), clipped = std::min(length, 2.3), root = std::sqrt(c);
    return row / length * std::tanh(root * clipped) / root;
  };
  const auto x = -point(a), y = point(b);
  const double xx = x.dot(x).item<double>(), yy = y.dot(y).item<double>(), xy = x.dot(y).item<double>();
  const auto sum = ((1 + 2 * c * xy + c * yy) * x + (1 - c * xx) * y) / (1 + 2 * c * xy + c * c * xx * yy);
  return 2 / std::sqrt(c) * std::atanh(std::sqrt(c) * sum.norm().item<double>());
}

}  // namespace

TEST_CASE("hyperbolic worked by hand with a distance that can be") {
  // On a line: anchor 0, positive at 1, negatives at 2 and 3, τ = ½, plain distances: −log( e⁻² / (e⁻² + e⁻⁴ + e⁻⁶) ).
  diva::HyperbolicLoss loss({.temperature = 0.5, .distance = {.kind = diva::Distance::euclidean}});
  const auto at = [](std::vector<double> places) { return torch::tensor(places, torch::kFloat64).unsqueeze(1); };
  const auto value = loss.forward(at({0}), classes({0}), {}, diva::Reference{at({1, 2, 3}), classes({0, 1, 1})});
  CHECK_THAT(value.item<double>(), WithinAbs(std::log(1 + std::exp(-2) + std::exp(-4)), 1e-12));
}

TEST_CASE("hyperbolic of equal embeddings is the logarithm of one more than the negatives") {
  const auto x = torch::full({5, 3}, 0.4, torch::kFloat64);
  // Two anchors with one positive and three negatives, three with two positives and two negatives: 2 and 6 positive pairs.
  CHECK_THAT(diva::HyperbolicLoss().forward(x, classes({0, 0, 1, 1, 1})).item<double>(),
             WithinAbs((2 * std::log(4) + 6 * std::log(3)) / 8, 1e-9));
}

TEST_CASE("hyperbolic is the reference's cross-entropy for two samples a class") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto x = diva::Generator(seed).normal({6, 4}, torch::kFloat64) * 2;
    // First views 0, 1, 2 and second views 3, 4, 5: each anchor against its other view among all others.
    double total = 0;
    for (std::int64_t i = 0; i < 6; ++i) {
      double sum = 0;
      for (std::int64_t j = 0; j < 6; ++j) sum += j == i ? 0 : std::exp(-poincare(x[i], x[j]) / 0.2);
      total += std::log(sum) + poincare(x[i], x[(i + 3) % 6]) / 0.2;
    }
    CHECK_THAT(diva::HyperbolicLoss().forward(x, classes({0, 1, 2, 0, 1, 2})).item<double>(), WithinAbs(total / 6, 1e-8));
  }
  CHECK_THROWS_AS(diva::HyperbolicLoss({.temperature = 0}), diva::OptionError);
}
