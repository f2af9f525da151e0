#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/fast_ap_loss.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;

namespace {

// Unit vectors at these angles in degrees; ‖a − b‖² = 2 − 2 cos of the angle between.
torch::Tensor at_angles(std::vector<double> degrees) {
  const auto angles = torch::tensor(degrees, torch::kFloat64) * (M_PI / 180);
  return torch::stack({angles.cos(), angles.sin()}, 1);
}

torch::Tensor classes(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }

double loss_of(const torch::Tensor& x, const torch::Tensor& labels, const diva::FastApLossOptions& options = {}) {
  return diva::FastApLoss(options).forward(x, labels).item<double>();
}

}  // namespace

TEST_CASE("fast_ap worked by hand") {
  // Squared distances 0, 2, 4 at 0°, 90°, 180° are nodes 0, 1, 2 of two bins over [0, 4].
  // Anchor 0° (class 0), positive at 90°, negative at 180°: its positive stands alone, precision 1, loss 0.
  // Anchor 90°: positive 0° and negative 180°, both at 2: h⁺ = (0, 1, 0), H = (0, 2, 2), precision 1/2, loss 1/2.
  // The third has no positive and is left out: (0 + 1/2) / 2.
  CHECK_THAT(loss_of(at_angles({0, 90, 180}), classes({0, 0, 1}), {.bins = 2}), WithinAbs(0.25, 1e-12));
  // Positive at 60°, distance 1: half of it in node 0, half in node 1, negative at 180° from the first and 120° (distance 3, half
  // in node 1, half in node 2) from the second. Anchor 0: Σ = 0.5·0.5/0.5 + 0.5·1/1 = 1, loss 0. Anchor 1: 0.5·0.5/0.5 + 0.5·1/1.5
  // = 5/6, loss 1/6. Mean 1/12.
  CHECK_THAT(loss_of(at_angles({0, 60, 180}), classes({0, 0, 1}), {.bins = 2}), WithinAbs(1.0 / 12, 1e-12));
}

TEST_CASE("fast_ap of equal embeddings is the share of negatives, and of separated classes zero") {
  // Everything in the first bin: 1 − N⁺/N with one positive among three others.
  CHECK_THAT(loss_of(at_angles({30, 30, 30, 30}), classes({0, 0, 1, 1})), WithinAbs(2.0 / 3, 1e-12));
  CHECK_THAT(loss_of(at_angles({0, 0, 180, 180}), classes({0, 0, 1, 1})), WithinAbs(0, 1e-12));
  CHECK(loss_of(at_angles({0, 90, 180}), classes({0, 1, 2})) == 0);  // no positive
}

TEST_CASE("fast_ap is one of distances: squared Euclidean, Euclidean squared and twice cosine are the same") {
  const auto x = at_angles({3, 50, 77, 140, 200, 310}) * 3;
  const auto labels = classes({0, 1, 0, 1, 1, 0});
  const double value = loss_of(x, labels);
  CHECK_THAT(loss_of(x, labels, {.distance = {.normalize = true, .power = 2}}), WithinAbs(value, 1e-12));
  CHECK_THAT(loss_of(x, labels, {.distance = {.kind = diva::Distance::cosine}}), WithinAbs(value, 1e-12));
}

TEST_CASE("fast_ap ranks a reference, and refuses distances without a bound") {
  // Anchor 0° of class 0, references at 90° (class 0) and 180° (class 1): as the first anchor above, loss 0; the other way round
  // the positive at distance 4 stands behind the negative: h⁺ = (0, 0, 1), H = (0, 1, 2), loss 1/2.
  diva::FastApLoss loss({.bins = 2});
  const auto anchor = at_angles({0});
  CHECK_THAT(loss.forward(anchor, classes({0}), {}, diva::Reference{at_angles({90, 180}), classes({0, 1})}).item<double>(),
             WithinAbs(0, 1e-12));
  CHECK_THAT(loss.forward(anchor, classes({0}), {}, diva::Reference{at_angles({90, 180}), classes({1, 0})}).item<double>(),
             WithinAbs(0.5, 1e-12));
  CHECK_THROWS_AS(diva::FastApLoss({.distance = {.kind = diva::Distance::dot}}), diva::OptionError);
  CHECK_THROWS_AS(diva::FastApLoss({.distance = {.kind = diva::Distance::euclidean}}), diva::OptionError);
  CHECK_THROWS_AS(diva::FastApLoss({.bins = 0}), diva::OptionError);
}
