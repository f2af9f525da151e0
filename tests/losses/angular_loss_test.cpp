#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/angular_loss.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;

namespace {

// On the circle at 0°, 90° and 180°, of any length.
const auto x = torch::tensor({{2.0, 0.0}, {0.0, 1.0}, {-3.0, 0.0}}, torch::kFloat64);
const auto labels = torch::tensor({0, 0, 1}, torch::kInt64);
const diva::AngularLossOptions alone = {.angle = 45, .angular_weight = 1, .npair_weight = 0, .norm_penalty = 0};

}  // namespace

TEST_CASE("angular loss worked by hand") {
  // tan 45° = 1. Both pairs (0,1), (1,0): 4 ((1,1)·(−1,0)) − 4·0 = −4: log(1 + e⁻⁴).
  CHECK_THAT(diva::AngularLoss(alone).forward(x, labels).item<double>(), WithinAbs(std::log(1 + std::exp(-4.0)), 1e-12));
  // n-pair: (0,1): −6 − 0, (1,0): 0 − 0: mean of log(1 + e⁻⁶) and log 2. Mean length 2.
  auto options = alone;
  options.angular_weight = 2;
  options.npair_weight = 1;
  options.norm_penalty = 0.5;
  const double expected = 2 * std::log(1 + std::exp(-4.0)) + (std::log(1 + std::exp(-6.0)) + std::log(2.0)) / 2 + 1;
  CHECK_THAT(diva::AngularLoss(options).forward(x, labels).item<double>(), WithinAbs(expected, 1e-12));
}

TEST_CASE("angular loss does not depend on lengths, and takes relations and tuples as labels") {
  diva::AngularLoss loss(alone);
  const double expected = loss.forward(x, labels).item<double>();
  CHECK_THAT(loss.forward(x * 7, labels).item<double>(), WithinAbs(expected, 1e-12));
  CHECK_THAT(loss.forward(x, labels, diva::all_triplets(labels)).item<double>(), WithinAbs(expected, 1e-12));
  const auto same = labels.unsqueeze(1) == labels.unsqueeze(0);
  CHECK_THAT(loss.forward(x, {}, diva::Relation{same}).item<double>(), WithinAbs(expected, 1e-12));
  // With the length of the negative kept, 3: log(1 + e⁻¹²).
  auto kept = alone;
  kept.variant = diva::Variant::pml;
  CHECK_THAT(diva::AngularLoss(kept).forward(x, labels).item<double>(), WithinAbs(std::log(1 + std::exp(-12.0)), 1e-12));
  // Against a reference of samples 1 and 2: pairs (0,1) −4 and (1,1) 4 ((0,2)·(−1,0)) − 4 = −4.
  const diva::Reference reference = {x.narrow(0, 1, 2), labels.narrow(0, 1, 2)};
  CHECK_THAT(loss.forward(x.narrow(0, 0, 2), labels.narrow(0, 0, 2), {}, reference).item<double>(), WithinAbs(expected, 1e-12));
}

TEST_CASE("angular loss refuses angles that are none") {
  CHECK_THROWS_AS(diva::AngularLoss({.angle = 0}), diva::OptionError);
  CHECK_THROWS_AS(diva::AngularLoss({.angle = 90}), diva::OptionError);
}
