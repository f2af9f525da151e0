#include "support/catch.hpp"
#include "support/proxies.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/instance_loss.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;
using diva::InstanceLoss;
using diva::Variant;

namespace {

// Cosines: samples 0 and 2 point the same way, sample 1 at right angles.
const auto x = torch::tensor({{1.0, 0.0}, {0.0, 2.0}, {3.0, 0.0}}, torch::kFloat64);
const double e2 = std::exp(2.0);

}  // namespace

TEST_CASE("instance worked by hand") {
  InstanceLoss loss({.scale = 2});
  // Labels 5, 3, 5: samples 0 and 2 have 2e² right of 2e² + 1, sample 1 has e² of e² + 2.
  const double twice = std::log((2 * e2 + 1) / (2 * e2)), alone = std::log((e2 + 2) / e2);
  CHECK_THAT(loss.forward(x, indices({5, 3, 5})).item<double>(), WithinAbs((2 * twice + alone) / 3, 1e-12));
  // All different: sample 0 has e² of 2e² + 1.
  const double shared = std::log((2 * e2 + 1) / e2);
  CHECK_THAT(loss.forward(x, indices({5, 3, 4})).item<double>(), WithinAbs((2 * shared + alone) / 3, 1e-12));
  // One class: all answers are right.
  CHECK_THAT(loss.forward(x, indices({1, 1, 1})).item<double>(), WithinAbs(0, 1e-12));
  // The triplet (0, 2, 1) alone: sample 0 as above; samples 1 and 2 are compared with themselves: 0.
  CHECK_THAT(loss.forward(x, indices({5, 3, 5}), diva::Triplets{indices({0}), indices({2}), indices({1})}).item<double>(),
             WithinAbs(twice / 3, 1e-12));
}

TEST_CASE("instance of a reference has its embeddings for weights") {
  InstanceLoss loss({.scale = 2});
  // References e1 of label 5 and e2 of label 4: sample 0 has e² of e² + 1; no reference has label 3; sample 2 has 1 of e² + 1.
  const auto value = loss.forward(x, indices({5, 3, 4}), {}, diva::Reference{torch::eye(2, torch::kFloat64), indices({5, 4})});
  CHECK_THAT(value.item<double>(), WithinAbs((std::log((e2 + 1) / e2) + std::log(e2 + 1)) / 2, 1e-12));
}

TEST_CASE("instance in PML's form takes the rank of a label for a place in the batch") {
  InstanceLoss loss({.scale = 2, .variant = Variant::pml});
  // Labels 5, 3, 5 have ranks 1, 0, 1: sample 0 is to be sample 1 (1 of 2e² + 1), sample 1 sample 0 (1 of e² + 2), sample 2
  // sample 1.
  CHECK_THAT(loss.forward(x, indices({5, 3, 5})).item<double>(),
             WithinAbs((2 * std::log(2 * e2 + 1) + std::log(e2 + 2)) / 3, 1e-12));
  // Ranks in the order of the batch: both forms agree.
  CHECK_THAT(loss.forward(x, indices({1, 3, 4})).item<double>(),
             WithinAbs(InstanceLoss({.scale = 2}).forward(x, indices({1, 3, 4})).item<double>(), 1e-12));
  CHECK_THROWS_AS(loss.forward(x, indices({5, 3, 5}), diva::Triplets{indices({0}), indices({2}), indices({1})}), diva::OptionError);
  CHECK_THROWS_AS(loss.forward(x, indices({5, 3, 5}), {}, diva::Reference{x, indices({5, 3, 5})}), diva::OptionError);
}
