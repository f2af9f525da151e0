#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/contrastive_loss.hpp>

using Catch::Matchers::WithinAbs;

namespace {

const auto x = torch::tensor({{0.0}, {0.5}, {0.8}, {3.0}}, torch::kFloat64);
const auto labels = torch::tensor({0, 0, 1, 1}, torch::kInt64);

}  // namespace

TEST_CASE("contrastive loss of all pairs worked by hand") {
  // Ordered positives: 0-1 0.5 (twice), 2-3 2.2 (twice): mean 1.35. Negatives: 0-2 0.2, 0-3 0, 1-2 0.7, 1-3 0, each twice: mean
  // 0.225.
  CHECK_THAT(diva::ContrastiveLoss().forward(x, labels).item<double>(), WithinAbs(1.35 + 0.225, 1e-12));
  // With a positive margin of 1: 0 and 1.2: mean 0.6.
  CHECK_THAT(diva::ContrastiveLoss({.positive_margin = 1}).forward(x, labels).item<double>(), WithinAbs(0.6 + 0.225, 1e-12));
}

TEST_CASE("contrastive loss without negatives has only its first term") {
  CHECK_THAT(diva::ContrastiveLoss().forward(x.narrow(0, 0, 2), labels.narrow(0, 0, 2)).item<double>(), WithinAbs(0.5, 1e-12));
}

TEST_CASE("contrastive loss refuses negative margins") {
  CHECK_THROWS_AS(diva::ContrastiveLoss({.positive_margin = -1}), diva::OptionError);
  CHECK_THROWS_AS(diva::ContrastiveLoss({.negative_margin = -1}), diva::OptionError);
}
