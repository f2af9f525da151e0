#include "support/triplet_checks.hpp"

#include <diva/core/error.hpp>
#include <diva/miners/random_triplets.hpp>

#include <map>

TEST_CASE("random triplets obey the labels, one for each anchor") {
  triplet_checks::obey_labels([](auto&, auto& labels, auto& generator) { return diva::random_triplets(labels, generator); });
}

TEST_CASE("random triplets are uniform over positives and negatives") {
  // Anchor 0 has positives 1, 2 and negatives 3, 4, 5: six triplets of chance 1/6.
  const auto labels = torch::tensor({0, 0, 0, 1, 1, 2}, torch::kInt64);
  diva::Generator generator(5);
  std::map<std::pair<std::int64_t, std::int64_t>, int> counts;
  for (int i = 0; i < 6000; ++i) {
    const auto triplets = diva::random_triplets(labels, generator);
    REQUIRE(triplets.anchors[0].item<std::int64_t>() == 0);
    ++counts[{triplets.positives[0].item<std::int64_t>(), triplets.negatives[0].item<std::int64_t>()}];
  }
  REQUIRE(counts.size() == 6);
  for (const auto& [triplet, count] : counts) CHECK(std::abs(count - 1000) < 145);  // 5 sd of a binomial(6000, 1/6)
}

TEST_CASE("random triplets refuse labels that are not integers") {
  diva::Generator generator(0);
  CHECK_THROWS_AS(diva::random_triplets(torch::zeros({3}), generator), diva::ShapeError);
}
