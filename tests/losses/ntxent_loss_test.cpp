#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/ntxent_loss.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;

namespace {

// On the circle at 0°, 60° and 90°: cosines 0–1 ½, 0–2 0, 1–2 √3/2. The third has no positive.
const double half = 0.5, root = std::sqrt(3.0) / 2;
const auto x = torch::tensor({{1.0, 0.0}, {half, root}, {0.0, 1.0}}, torch::kFloat64);
const auto labels = torch::tensor({0, 0, 1}, torch::kInt64);

double value(const diva::NtXentLossOptions& options, const torch::Tensor& points = x) {
  return diva::NtXentLoss(options).forward(points, labels).item<double>();
}

}  // namespace

TEST_CASE("ntxent loss worked by hand") {
  // τ ½: (0,1): log(1 + e^(2 (0 − ½))), (1,0): log(1 + e^(2 (root − ½))).
  const double expected = (std::log(1 + std::exp(-1.0)) + std::log(1 + std::exp(2 * root - 1))) / 2;
  CHECK_THAT(value({.temperature = 0.5}), WithinAbs(expected, 1e-12));
  CHECK_THAT(value({.temperature = 0.5}, x * 3), WithinAbs(expected, 1e-12));
}

TEST_CASE("ntxent loss leaves other positives out, and is zero without a negative") {
  // Two equal positives: each pair against the one negative, as with one of them.
  const auto four = torch::cat({x.narrow(0, 0, 1), x.narrow(0, 1, 1), x.narrow(0, 1, 1), x.narrow(0, 2, 1)});
  const auto anchor_pairs =
      diva::Relation{torch::tensor({{false, true, true, false}}), torch::tensor({{false, false, false, true}})};
  CHECK_THAT(
      diva::NtXentLoss({.temperature = 0.5}).forward(four.narrow(0, 0, 1), {}, anchor_pairs, diva::Reference{four}).item<double>(),
      WithinAbs(std::log(1 + std::exp(-1.0)), 1e-12));
  CHECK(diva::NtXentLoss().forward(x, labels * 0).item<double>() == 0);
}

TEST_CASE("ntxent loss refuses a temperature that is not positive") {
  CHECK_THROWS_AS(diva::NtXentLoss({.temperature = 0}), diva::OptionError);
}
