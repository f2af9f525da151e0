#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/intra_pair_variance_loss.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;

namespace {

// On the circle at 0°, 60° and 90°: cosines 0–1 ½, 0–2 0, 1–2 √3/2. The third has no positive.
const double half = 0.5, root = std::sqrt(3.0) / 2;
const auto x = torch::tensor({{1.0, 0.0}, {half, root}, {0.0, 1.0}}, torch::kFloat64);
const auto labels = torch::tensor({0, 0, 1}, torch::kInt64);

double value(const diva::IntraPairVarianceLossOptions& options, const torch::Tensor& points = x) {
  return diva::IntraPairVarianceLoss(options).forward(points, labels).item<double>();
}

}  // namespace

TEST_CASE("intra-pair variance loss worked by hand") {
  // Positives ½, ½: mean ½, none below 0.99 of it. Negatives 0, root, 0, root: mean root/2, above 1.01 of it by 0.495 root, twice
  // of 4.
  const double excess = root - 1.01 * root / 2;
  CHECK_THAT(value({}), WithinAbs(excess * excess / 2, 1e-12));
  // A negative slack of positives: 1.2 · ½ − ½ = 0.1.
  CHECK_THAT(value({.positive_slack = -0.2}), WithinAbs(excess * excess / 2 + 0.01, 1e-12));
}

TEST_CASE("intra-pair variance loss of distances") {
  // Squared: positives 1, 1; negatives 2, 2 − √3: mean 2 − root; 0.9 of it above the nearer by 0.9 (2 − root) − (2 − 2 root).
  const double lack = 0.9 * (2 - root) - (2 - 2 * root);
  CHECK_THAT(value({.negative_slack = 0.1, .distance = {.kind = diva::Distance::squared_euclidean}}),
             WithinAbs(lack * lack / 2, 1e-12));
}

TEST_CASE("intra-pair variance loss of equal embeddings is zero") { CHECK_THAT(value({}, x * 0 + 1), WithinAbs(0, 1e-12)); }
