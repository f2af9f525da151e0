#include "support/pair_checks.hpp"

#include <diva/core/error.hpp>
#include <diva/miners/hard_aware.hpp>

using pair_checks::negatives;
using pair_checks::positives;
using Set = std::set<pair_checks::Pair>;

namespace {

// On a line: classes {0, 0.5}, {0.6, 1.6}, {5}. Positive distances 0.5 and 1.0, each in both directions. Negative ones: 0-2 0.6,
// 0-3 1.6, 1-2 0.1, 1-3 1.1, 4-0 5, 4-1 4.5, 4-2 4.4, 4-3 3.4, each in both directions: 16 pairs.
const auto x = torch::tensor({{0.0}, {0.5}, {0.6}, {1.6}, {5.0}}, torch::kFloat64);
const auto labels = torch::tensor({0, 0, 1, 1, 2}, torch::kInt64);

torch::Tensor ids(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }

}  // namespace

TEST_CASE("hard-aware keeps the farthest positives and the nearest negatives of the whole batch") {
  const auto pairs = diva::hard_aware_pairs({x, labels}, {.fraction = 0.25});  // ⌈1⌉ of 4 positives, 4 of 16 negatives
  REQUIRE(pairs.anchors.numel() == 1);
  CHECK(pairs.anchors[0].item<std::int64_t>() + pairs.positives[0].item<std::int64_t>() == 5);  // 2-3 or 3-2
  const Set near{{1, 2}, {2, 1}, {0, 2}, {2, 0}};
  CHECK(negatives(pairs) == near);
}

TEST_CASE("hard-aware rounds up, and keeps none or all at the ends") {
  CHECK(diva::hard_aware_pairs({x, labels}, {.fraction = 0.26}).anchors.numel() == 2);
  CHECK(diva::hard_aware_pairs({x, labels}, {.fraction = 0}).negatives.numel() == 0);
  CHECK(diva::hard_aware_pairs({x, labels}, {.fraction = 1}).negatives.numel() == 16);
}

TEST_CASE("hard-aware chooses among given pairs") {
  const diva::Pairs given{ids({0, 2}), ids({1, 3}), ids({0, 0, 4}), ids({2, 3, 3})};
  const auto pairs = diva::hard_aware_pairs({x, labels}, {.fraction = 0.5}, given);
  const Set far{{2, 3}}, near{{0, 2}, {0, 3}};
  CHECK(positives(pairs) == far);
  CHECK(negatives(pairs) == near);
  const diva::Pairs outside{ids({0}), ids({5}), ids({}), ids({})};
  CHECK_THROWS_AS(diva::hard_aware_pairs({x, labels}, {}, outside), diva::DataError);
  CHECK_THROWS_AS(diva::hard_aware_pairs({x, labels}, {.fraction = 1.5}), diva::OptionError);
}
