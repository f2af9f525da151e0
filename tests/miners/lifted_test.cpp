#include "support/pair_checks.hpp"

#include <diva/core/error.hpp>
#include <diva/miners/lifted.hpp>

using Set = std::set<pair_checks::Pair>;

TEST_CASE("lifted pairs are all pairs of the anchors that have a positive") {
  const auto pairs = diva::lifted_pairs({torch::zeros({4, 2}), torch::tensor({0, 0, 1, 0}, torch::kInt64)});
  const Set positives{{0, 1}, {0, 3}, {1, 0}, {1, 3}, {3, 0}, {3, 1}}, negatives{{0, 2}, {1, 2}, {3, 2}};
  CHECK(pair_checks::positives(pairs) == positives);
  CHECK(pair_checks::negatives(pairs) == negatives);  // not 2, which is alone
}

TEST_CASE("lifted pairs of one class have no negative, of singletons nothing") {
  CHECK(diva::lifted_pairs({torch::zeros({3, 2}), torch::zeros({3}, torch::kInt64)}).anchors.numel() == 6);
  CHECK(diva::lifted_pairs({torch::zeros({3, 2}), torch::arange(3, torch::kInt64)}).negatives.numel() == 0);
  CHECK_THROWS_AS(diva::lifted_pairs({torch::zeros({3, 2}), torch::zeros({2}, torch::kInt64)}), diva::ShapeError);
}
