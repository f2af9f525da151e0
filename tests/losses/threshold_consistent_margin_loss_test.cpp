#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/losses/threshold_consistent_margin_loss.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;

namespace {

torch::Tensor at_angles(std::vector<double> degrees) {
  const auto angles = torch::tensor(degrees, torch::kFloat64) * (M_PI / 180);
  return torch::stack({angles.cos(), angles.sin()}, 1);
}

torch::Tensor classes(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }

}  // namespace

TEST_CASE("threshold_consistent_margin worked by hand") {
  // 0° and 60° of class 0 (s = ½, 0.4 short of 0.9), 30° of class 1 (s = √3/2 to both, above ½). Two of each, weights ½ and 2.
  diva::ThresholdConsistentMarginLoss loss({.positive_weight = 0.5, .negative_weight = 2});
  const double expected = 0.5 * 0.4 + 2 * (std::sqrt(3.0) / 2 - 0.5);
  CHECK_THAT(loss.forward(at_angles({0, 60, 30}), classes({0, 0, 1})).item<double>(), WithinAbs(expected, 1e-12));
}

TEST_CASE("threshold_consistent_margin counts only pairs on the wrong side") {
  // Positives 0°–60° short by 0.4 and 90°–91° not; negatives 90° and 91° are at most cos 30° from 60° and else below ½:
  // four ordered pairs with (cos 30° + cos 31°)/2 − ½ on average.
  const double degree = M_PI / 180;
  const double pushed = (std::cos(30 * degree) + std::cos(31 * degree)) / 2 - 0.5;
  CHECK_THAT(diva::ThresholdConsistentMarginLoss().forward(at_angles({0, 60, 90, 91}), classes({0, 0, 1, 1})).item<double>(),
             WithinAbs(0.4 + pushed, 1e-12));
  CHECK_THAT(diva::ThresholdConsistentMarginLoss().forward(at_angles({7, 7, 7, 7}), classes({0, 0, 1, 1})).item<double>(),
             WithinAbs(0.5, 1e-12));
}

TEST_CASE("threshold_consistent_margin of listed pairs is that of the same pairs in the matrix") {
  diva::Generator generator(1);
  const auto x = generator.normal({8, 3}, torch::kFloat64);
  const auto labels = classes({0, 0, 1, 1, 2, 2, 2, 3});
  diva::ThresholdConsistentMarginLoss loss({.positive_margin = 0.7, .negative_margin = -0.2});
  CHECK_THAT(loss.forward(x, labels, diva::all_pairs(labels)).item<double>(),
             WithinAbs(loss.forward(x, labels).item<double>(), 1e-12));
  // A pair listed twice counts twice: s = ½ and 0 are short by 0.4 and 0.9.
  const auto a = classes({0, 0, 0}), none = torch::empty({0}, torch::kInt64);
  CHECK_THAT(diva::ThresholdConsistentMarginLoss()
                 .forward(at_angles({0, 60, 90}), classes({0, 0, 0}), diva::Pairs{a, classes({1, 1, 2}), none, none})
                 .item<double>(),
             WithinAbs((0.4 + 0.4 + 0.9) / 3, 1e-12));
  CHECK_THROWS_AS(diva::ThresholdConsistentMarginLoss({.positive_margin = 1.5}), diva::OptionError);
}
