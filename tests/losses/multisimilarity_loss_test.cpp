#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/multisimilarity_loss.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;

namespace {

// Dot products with sample 0 (the only one with positives under this relation): 0.9, 0.2, 0.6, −0.5.
const auto x = torch::tensor({{1.0, 0.0}, {0.9, 0.0}, {0.2, 0.0}, {0.6, 0.0}, {-0.5, 0.0}}, torch::kFloat64);

diva::Relation relation() {
  auto positive = torch::zeros({5, 5}, torch::kBool), negative = torch::zeros({5, 5}, torch::kBool);
  positive[0][1] = positive[0][2] = true;
  negative[0][3] = negative[0][4] = true;
  return {positive, negative};
}

double value(const diva::MultiSimilarityLossOptions& options) {
  return diva::MultiSimilarityLoss(options).forward(x, {}, relation()).item<double>();
}

}  // namespace

TEST_CASE("multisimilarity loss worked by hand, with and without mining") {
  // Hardest positive 0.2, hardest negative 0.6, ε 0.1: positive 0.9 (0.8 ≥ 0.6) and negative −0.5 (−0.4 ≤ 0.2) are easy.
  const double mined = std::log(1 + std::exp(-2 * (0.2 - 0.5))) / 2 + std::log(1 + std::exp(10 * (0.6 - 0.5))) / 10;
  CHECK_THAT(value({.negative_weight = 10}), WithinAbs(mined, 1e-12));
  const double all = std::log(1 + std::exp(-2 * (0.9 - 0.5)) + std::exp(-2 * (0.2 - 0.5))) / 2 +
                     std::log(1 + std::exp(10 * (0.6 - 0.5)) + std::exp(10 * (-0.5 - 0.5))) / 10;
  CHECK_THAT(value({.negative_weight = 10, .mine = false}), WithinAbs(all, 1e-12));
  // Over all five anchors of the batch.
  CHECK_THAT(value({.negative_weight = 10, .mine = false, .variant = diva::Variant::pml}), WithinAbs(all / 5, 1e-12));
}

TEST_CASE("multisimilarity loss without hard pairs is zero") {
  // ε −0.5: pairs must be harder than the hardest of the other kind by 0.5.
  CHECK(value({.margin = -0.5}) == 0);
}

TEST_CASE("multisimilarity loss refuses weights that are not positive") {
  CHECK_THROWS_AS(diva::MultiSimilarityLoss({.positive_weight = 0}), diva::OptionError);
  CHECK_THROWS_AS(diva::MultiSimilarityLoss({.negative_weight = -1}), diva::OptionError);
}
