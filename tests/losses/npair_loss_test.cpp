#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/npair_loss.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;

namespace {

// Dot products: 0·1 2, 0·2 3, 0·3 −1, 1·2 6, 1·3 −2, 2·3 −3.
const auto x = torch::tensor({{1.0}, {2.0}, {3.0}, {-1.0}}, torch::kFloat64);
const auto labels = torch::tensor({0, 0, 1, 1}, torch::kInt64);

double value(const diva::NPairLossOptions& options, const diva::Tuples& tuples = {}) {
  return diva::NPairLoss(options).forward(x, labels, tuples).item<double>();
}

}  // namespace

TEST_CASE("npair loss of all pairs worked by hand") {
  // (0,1): log(1 + e^(3−2) + e^(−1−2)); (1,0): log(1 + e^(6−2) + e^(−2−2)); (2,3): log(1 + e^(3+3) + e^(6+3)); (3,2): log(1 +
  // e^(−1+3)
  // + e^(−2+3)).
  const double sum = std::log(1 + std::exp(1) + std::exp(-3)) + std::log(1 + std::exp(4) + std::exp(-4)) +
                     std::log(1 + std::exp(6) + std::exp(9)) + std::log(1 + std::exp(2) + std::exp(1));
  CHECK_THAT(value({.norm_penalty = 0}), WithinAbs(sum / 4, 1e-12));
  // Mean length 7/4.
  CHECK_THAT(value({.norm_penalty = 0.1}), WithinAbs(sum / 4 + 0.175, 1e-12));
}

TEST_CASE("npair loss of one pair a class is the cross entropy of its positive among those of the other classes") {
  // Pairs (0,1) and (2,3). Anchor 0: its own 2, the other −1; anchor 2: its own −3, the other 6.
  const double expected = (std::log(1 + std::exp(-1 - 2)) + std::log(1 + std::exp(6 + 3))) / 2;
  CHECK_THAT(value({.norm_penalty = 0, .variant = diva::Variant::pml}), WithinAbs(expected, 1e-12));
  CHECK_THAT(value({.norm_penalty = 0, .variant = diva::Variant::paper}, diva::all_triplets(labels)), WithinAbs(expected, 1e-12));
}

TEST_CASE("npair loss as the DiVA code: other positives are negatives too") {
  const auto one_class = torch::zeros({3}, torch::kInt64);
  const auto three = x.narrow(0, 0, 3);
  // (0,1): log(e² + e³) − 2 and so on over the pairs of products 2, 3, 6.
  const double expected =
      2 * (std::log(std::exp(2) + std::exp(3)) + std::log(std::exp(2) + std::exp(6)) + std::log(std::exp(3) + std::exp(6))) -
      2 * (2 + 3 + 6);
  CHECK_THAT(diva::NPairLoss({.norm_penalty = 0, .variant = diva::Variant::repo}).forward(three, one_class).item<double>(),
             WithinAbs(expected / 6, 1e-12));
  CHECK(diva::NPairLoss({.norm_penalty = 0}).forward(three, one_class).item<double>() == 0);
}

TEST_CASE("npair loss of one pair a class refuses a reference; options out of range are refused") {
  diva::NPairLoss loss({.variant = diva::Variant::pml});
  CHECK_THROWS_AS(loss.forward(x, labels, {}, diva::Reference{x, labels}), diva::OptionError);
  CHECK_THROWS_AS(diva::NPairLoss({.norm_penalty = -1}), diva::OptionError);
  CHECK_THROWS_AS(diva::NPairLoss({.embedding_scale = 0}), diva::OptionError);
}
