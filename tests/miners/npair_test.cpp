#include "support/pair_checks.hpp"

#include <diva/core/error.hpp>
#include <diva/miners/npair.hpp>

using Set = std::set<pair_checks::Pair>;

namespace {

const auto x = torch::zeros({5, 2});
const auto labels = torch::tensor({0, 0, 0, 1, 2}, torch::kInt64);  // 3 and 4 have no positive

}  // namespace

TEST_CASE("npair draws one positive for each anchor and takes all samples of other classes as negatives") {
  diva::Generator generator(1);
  std::set<pair_checks::Pair> seen;
  for (int i = 0; i < 60; ++i) {
    const auto pairs = diva::npair_pairs({x, labels}, generator);
    REQUIRE(torch::equal(pairs.anchors, torch::tensor({0, 1, 2}, torch::kInt64)));
    seen.merge(pair_checks::positives(pairs));
    const Set expected{{0, 3}, {0, 4}, {1, 3}, {1, 4}, {2, 3}, {2, 4}};
    REQUIRE(pair_checks::negatives(pairs) == expected);
  }
  const Set both{{0, 1}, {0, 2}, {1, 0}, {1, 2}, {2, 0}, {2, 1}};
  CHECK(seen == both);
}

TEST_CASE("npair of the DiVA code takes the rest of the anchor's own class as negatives too") {
  diva::Generator generator(2);
  const auto pairs = diva::npair_pairs({x, labels}, generator, {.variant = diva::Variant::repo});
  const auto negatives = pair_checks::negatives(pairs);
  CHECK(negatives.size() == 9);  // three anchors, five samples less anchor and positive
  for (std::int64_t i = 0; i < 3; ++i) {
    const auto a = pairs.anchors[i].item<std::int64_t>(), p = pairs.positives[i].item<std::int64_t>();
    CHECK(negatives.count({a, a}) == 0);
    CHECK(negatives.count({a, p}) == 0);
    CHECK(negatives.count({a, 3 - a - p}) == 1);  // the third of the class
  }
}

TEST_CASE("npair without a positive is empty, without a negative has none") {
  diva::Generator generator(3);
  const auto none = diva::npair_pairs({x, torch::arange(5, torch::kInt64)}, generator);
  CHECK(none.anchors.numel() + none.negatives.numel() == 0);
  const auto one_class = diva::npair_pairs({x, labels * 0}, generator);
  CHECK(one_class.anchors.numel() == 5);
  CHECK(one_class.negatives.numel() == 0);
  CHECK_THROWS_AS(diva::npair_pairs({x, labels.narrow(0, 0, 2)}, generator), diva::ShapeError);
}
