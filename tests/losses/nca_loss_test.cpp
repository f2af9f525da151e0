#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/nca_loss.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;

namespace {

// On the circle at 0°, 60° and 90°: cosines 0–1 ½, 0–2 0, 1–2 √3/2. The third has no positive.
const double half = 0.5, root = std::sqrt(3.0) / 2;
const auto x = torch::tensor({{1.0, 0.0}, {half, root}, {0.0, 1.0}}, torch::kFloat64);
const auto labels = torch::tensor({0, 0, 1}, torch::kInt64);

double value(const diva::NcaLossOptions& options, const torch::Tensor& points = x) {
  return diva::NcaLoss(options).forward(points, labels).item<double>();
}

}  // namespace

TEST_CASE("nca loss worked by hand") {
  // Squared distances 2 − 2 cos: 0–1 1, 0–2 2, 1–2 2 − √3. Anchor 0: log(1 + e^(1−2)), anchor 1: log(1 + e^(1−2+√3)).
  const double zero = std::log(1 + std::exp(-1.0)), one = std::log(1 + std::exp(-1 + 2 * root));
  CHECK_THAT(value({}), WithinAbs((zero + one) / 2, 1e-12));
  CHECK_THAT(value({.scale = 3}),
             WithinAbs((std::log(1 + std::exp(-3.0)) + std::log(1 + std::exp(3 * (-1 + 2 * root)))) / 2, 1e-12));
  CHECK_THAT(value({.distance = {.kind = diva::Distance::squared_euclidean, .normalize = true}}, x * 5),
             WithinAbs((zero + one) / 2, 1e-12));
}

TEST_CASE("nca loss stays exact where the chance of a positive is 0 in floating point") {
  // Distances 1 and 0 at a scale of 1e4: −log(e^−1e4 / (e^−1e4 + 1)) = 1e4.
  const auto anchor = torch::tensor({{0.0}}, torch::kFloat64);
  const diva::Reference reference = {torch::tensor({{1.0}, {0.0}}, torch::kFloat64), torch::tensor({0, 1}, torch::kInt64)};
  CHECK_THAT(diva::NcaLoss({.scale = 1e4}).forward(anchor, torch::zeros({1}, torch::kInt64), {}, reference).item<double>(),
             WithinAbs(1e4, 1e-8));
}

TEST_CASE("nca loss of equal embeddings counts") { CHECK_THAT(value({}, x * 0), WithinAbs(std::log(2.0), 1e-12)); }

TEST_CASE("nca loss refuses a scale that is not positive") { CHECK_THROWS_AS(diva::NcaLoss({.scale = 0}), diva::OptionError); }
