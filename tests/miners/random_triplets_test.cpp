#include "support/triplet_checks.hpp"

#include <diva/core/error.hpp>
#include <diva/miners/random_triplets.hpp>

#include <map>

TEST_CASE("random triplets obey the labels, one for each anchor") {
  triplet_checks::obey_labels([](auto& batch, auto& generator) { return diva::random_triplets(batch, generator); });
}

TEST_CASE("random triplets are uniform over positives and negatives") {
  // Anchor 0 has positives 1, 2 and negatives 3, 4, 5: six triplets of chance 1/6.
  const auto labels = torch::tensor({0, 0, 0, 1, 1, 2}, torch::kInt64);
  diva::Generator generator(5);
  std::map<std::pair<std::int64_t, std::int64_t>, int> counts;
  for (int i = 0; i < 6000; ++i) {
    const auto triplets = diva::random_triplets({torch::zeros({6, 1}), labels}, generator);
    REQUIRE(triplets.anchors[0].item<std::int64_t>() == 0);
    ++counts[{triplets.positives[0].item<std::int64_t>(), triplets.negatives[0].item<std::int64_t>()}];
  }
  REQUIRE(counts.size() == 6);
  for (const auto& [triplet, count] : counts) CHECK(std::abs(count - 1000) < 145);  // 5 sd of a binomial(6000, 1/6)
}

TEST_CASE("random triplets refuse labels that are not integers") {
  diva::Generator generator(0);
  CHECK_THROWS_AS(diva::random_triplets({torch::zeros({3, 1}), torch::zeros({3})}, generator), diva::ShapeError);
}

TEST_CASE("random triplets follow the weights of a user's relation, and leave out pairs without one") {
  // Anchor 0: positives 1 and 2 of weights 1 and 3, negative 3 only. The others have nothing.
  auto positive = torch::zeros({4, 4}), negative = torch::zeros({4, 4});
  positive[0] = torch::tensor({9.0, 1.0, 3.0, 0.0});  // a sample's weight with itself is not read
  negative[0][3] = 0.5;
  const diva::Comparison batch{.embeddings = torch::zeros({4, 1}), .relation = diva::Relation{positive, negative}};
  diva::Generator generator(6);
  int second = 0;
  for (int i = 0; i < 4000; ++i) {
    const auto triplets = diva::random_triplets(batch, generator);
    REQUIRE(triplets.size() == 1);
    REQUIRE(triplets.anchors[0].item<std::int64_t>() == 0);
    REQUIRE(triplets.negatives[0].item<std::int64_t>() == 3);
    const auto p = triplets.positives[0].item<std::int64_t>();
    REQUIRE((p == 1 || p == 2));
    second += p == 2 ? 1 : 0;
  }
  CHECK(std::abs(second - 3000) < 137);  // 5 sd of a binomial(4000, 3/4)
}
