#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/snr_loss.hpp>

using Catch::Matchers::WithinAbs;

namespace {

// Over two dimensions the variance is half the square of the difference of the entries. The anchor (1, −1) has 2; its differences
// from the others, (0.5, −0.5), (2, −1) and (−1, 0), have 0.5, 4.5 and 0.5: ratios 0.25, 2.25 and 0.25.
const auto x = torch::tensor({{1.0, -1.0}, {0.5, -0.5}, {-1.0, 0.0}, {2.0, -1.0}}, torch::kFloat64);
const auto labels = torch::tensor({0, 0, 1, 1}, torch::kInt64);
const diva::Triplets triplets = {torch::tensor({0, 0}, torch::kInt64), torch::tensor({1, 1}, torch::kInt64),
                                 torch::tensor({2, 3}, torch::kInt64)};

}  // namespace

TEST_CASE("snr loss worked by hand") {
  // m 0.2: (0.25 − 2.25 + 0.2)₊ = 0 and (0.25 − 0.25 + 0.2)₊ = 0.2: one active triplet. The anchor's entries sum to 0.
  CHECK_THAT(diva::SnrLoss().forward(x, labels, triplets).item<double>(), WithinAbs(0.2, 1e-12));
  // Moved by 1 the variances stay, the sum is 2.
  CHECK_THAT(diva::SnrLoss({.regularizer = 0.5}).forward(x + 1, labels, triplets).item<double>(), WithinAbs(1.2, 1e-12));
}

TEST_CASE("snr loss with boundaries worked by hand") {
  // β 0.1, m 0.2: pull 0.35 twice; push 0 and 0.05: three active pairs, two active triplets; sum 0.75.
  diva::SnrLoss pairs({.boundary = 0.1}, 2), by_triplets({.boundary = 0.1, .counting = diva::Variant::repo}, 2);
  pairs.to(torch::kFloat64);
  by_triplets.to(torch::kFloat64);
  CHECK_THAT(pairs.forward(x, labels, triplets).item<double>(), WithinAbs(0.25, 1e-7));
  CHECK_THAT(by_triplets.forward(x, labels, triplets).item<double>(), WithinAbs(0.375, 1e-7));
  pairs.forward(x, labels, triplets).backward();
  // Two pulls lower it, one push raises it: −1/3 for class 0.
  CHECK_THAT(pairs.parameters()[0].grad()[0].item<double>(), WithinAbs(-1.0 / 3, 1e-12));
  CHECK(pairs.parameters()[0].grad()[1].item<double>() == 0);
}

TEST_CASE("snr loss without an active triplet is its regulariser, and finite without signal") {
  CHECK(diva::SnrLoss({.margin = 0}).forward(x, labels, triplets).item<double>() == 0);
  CHECK(diva::SnrLoss().forward(torch::ones_like(x), labels).isfinite().item<bool>());
}

TEST_CASE("snr loss refuses options and labels out of range") {
  CHECK_THROWS_AS(diva::SnrLoss({.margin = -1}), diva::OptionError);
  CHECK_THROWS_AS(diva::SnrLoss({.boundary = 1}), diva::OptionError);
  CHECK_THROWS_AS(diva::SnrLoss({.boundary = 1}, 1).forward(x, labels), diva::DataError);
  CHECK_THROWS_AS(diva::SnrLoss().forward(x, labels, diva::all_pairs(labels)), diva::OptionError);
}
