#include "support/pair_checks.hpp"

#include <diva/core/error.hpp>
#include <diva/miners/pair_margin.hpp>

using pair_checks::negatives;
using pair_checks::positives;
using Set = std::set<pair_checks::Pair>;

namespace {

// On a line: 0 and 1 of one class at 0 and 0.5, 2 and 3 of another at 0.6 and 1.5.
const auto x = torch::tensor({{0.0}, {0.5}, {0.6}, {1.5}}, torch::kFloat64);
const auto labels = torch::tensor({0, 0, 1, 1}, torch::kInt64);

}  // namespace

TEST_CASE("pair margin keeps far positives and near negatives") {
  // Positive distances 0.5 and 0.9; negative ones 0-2 0.6, 0-3 1.5, 1-2 0.1, 1-3 1.0.
  const auto pairs = diva::pair_margin_pairs({x, labels}, {.positive_margin = 0.6, .negative_margin = 0.8});
  const Set far{{2, 3}, {3, 2}}, near{{0, 2}, {2, 0}, {1, 2}, {2, 1}};
  CHECK(positives(pairs) == far);
  CHECK(negatives(pairs) == near);
}

TEST_CASE("pair margin's limits are strict") {
  const auto pairs = diva::pair_margin_pairs({x, labels}, {.positive_margin = 0.5, .negative_margin = 0.6});
  const Set far{{2, 3}, {3, 2}}, near{{1, 2}, {2, 1}};
  CHECK(positives(pairs) == far);
  CHECK(negatives(pairs) == near);
}

TEST_CASE("pair margin measures with the distance that it is given") {
  // Squared: positives 0.25 and 0.81, negatives 0.36, 2.25, 0.01, 1.
  const auto pairs = diva::pair_margin_pairs(
      {x, labels}, {.positive_margin = 0.2, .negative_margin = 0.5, .distance = {.kind = diva::Distance::squared_euclidean}});
  CHECK(positives(pairs).size() == 4);
  const Set near{{0, 2}, {2, 0}, {1, 2}, {2, 1}};
  CHECK(negatives(pairs) == near);
}

TEST_CASE("pair margin of an empty batch, of one class and of NaN is empty where nothing holds") {
  const auto none = diva::pair_margin_pairs({x.narrow(0, 0, 0), labels.narrow(0, 0, 0)});
  CHECK(none.anchors.numel() + none.negatives.numel() == 0);
  CHECK(diva::pair_margin_pairs({x, labels * 0}).negatives.numel() == 0);
  const auto unknown = diva::pair_margin_pairs({x * NAN, labels});
  CHECK(unknown.anchors.numel() + unknown.negatives.numel() == 0);
  CHECK_THROWS_AS(diva::pair_margin_pairs({x, labels.narrow(0, 0, 3)}), diva::ShapeError);
}
