#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/pnp_loss.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;
using diva::PnpPenalty;

namespace {

torch::Tensor at_angles(std::vector<double> degrees) {
  const auto angles = torch::tensor(degrees, torch::kFloat64) * (M_PI / 180);
  return torch::stack({angles.cos(), angles.sin()}, 1);
}

torch::Tensor classes(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

TEST_CASE("pnp worked by hand for each penalty") {
  // Anchor 0°, reference: a positive at 60° (s = ½), negatives at 90° (0) and 0° (1); τ = ½: R = σ(−1) + σ(1) = 1.
  const diva::Reference reference{at_angles({60, 90, 0}), classes({0, 1, 2})};
  const auto value = [&](PnpPenalty penalty) {
    diva::PnpLoss loss({.penalty = penalty, .temperature = 0.5, .b = 3, .alpha = 2});
    return loss.forward(at_angles({0}), classes({0}), {}, reference).item<double>();
  };
  CHECK_THAT(value(PnpPenalty::linear), WithinAbs(1, 1e-12));
  CHECK_THAT(value(PnpPenalty::increasing_unbounded), WithinAbs(2 * std::log(2), 1e-12));
  CHECK_THAT(value(PnpPenalty::increasing_bounded), WithinAbs((3 - std::log(4)) / 9, 1e-12));
  CHECK_THAT(value(PnpPenalty::decreasing_quotient), WithinAbs(1 - 0.25, 1e-12));
  CHECK_THAT(value(PnpPenalty::decreasing_slow), WithinAbs(std::log(2), 1e-12));
}

TEST_CASE("pnp does not look at the order of positives among themselves") {
  const auto labels = classes({0, 0, 0, 1});
  diva::PnpLoss loss;
  const double near = loss.forward(at_angles({0, 5, 10, 180}), labels).item<double>();
  const double far = loss.forward(at_angles({0, 40, 10, 180}), labels).item<double>();
  CHECK_THAT(near, WithinAbs(0, 1e-12));
  CHECK_THAT(far, WithinAbs(0, 1e-12));
}

TEST_CASE("pnp of the references counts the anchor among its own positives") {
  // Anchors 0° and 60° of class 0, a negative at 90°, τ = ½. First: R of the positive σ(−1), of itself (s = 1) σ(−2).
  // Second: of the positive σ((√3/2 − ½)/½), of itself σ((√3/2 − 1)/½). The third has no positive.
  const auto x = at_angles({0, 60, 90});
  const auto labels = classes({0, 0, 1});
  const double root = std::sqrt(3.0) / 2;
  const double first[] = {sigmoid(-1), sigmoid(-2)}, second[] = {sigmoid((root - 0.5) / 0.5), sigmoid((root - 1) / 0.5)};
  diva::PnpLoss fixed({.temperature = 0.5}), pml({.temperature = 0.5, .variant = diva::Variant::pml});
  CHECK_THAT(fixed.forward(x, labels).item<double>(), WithinAbs((first[0] + second[0]) / 2, 1e-12));
  CHECK_THAT(pml.forward(x, labels).item<double>(), WithinAbs((first[0] + first[1] + second[0] + second[1]) / 4, 1e-12));
}

TEST_CASE("pnp of equal embeddings sees half of the negatives before each positive") {
  diva::PnpLoss loss;
  CHECK_THAT(loss.forward(at_angles({30, 30, 30, 30, 30}), classes({0, 0, 1, 1, 1})).item<double>(),
             WithinAbs((2 * 1.5 + 3 * 1.0) / 5, 1e-12));
  CHECK_THROWS_AS(diva::PnpLoss({.temperature = 0}), diva::OptionError);
  CHECK_THROWS_AS(diva::PnpLoss({.b = 0}), diva::OptionError);
}

TEST_CASE("pnp weighs pairs by a relation") {
  // Anchor 0°, positives at 60° with weight 3 and at 90° with weight 1, a negative at 60° with weight 2; τ = ½:
  // R = 2σ(0) = 1 and 2σ(1); L = (3 · 1 + 2σ(1)) / 4.
  const diva::Relation relation{torch::tensor({{3.0, 1.0, 0.0}}, torch::kFloat64),
                                torch::tensor({{0.0, 0.0, 2.0}}, torch::kFloat64)};
  diva::PnpLoss loss({.temperature = 0.5});
  const auto value = loss.forward(at_angles({0}), {}, relation, diva::Reference{at_angles({60, 90, 60})});
  CHECK_THAT(value.item<double>(), WithinAbs((3 + 2 * sigmoid(1)) / 4, 1e-12));
}
