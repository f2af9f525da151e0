#include "support/triplet_checks.hpp"

#include <diva/core/error.hpp>
#include <diva/miners/softhard.hpp>

TEST_CASE("softhard triplets obey the labels, one for each anchor") {
  triplet_checks::obey_labels([](auto& x, auto& labels, auto& generator) { return diva::softhard_triplets(x, labels, generator); });
}

TEST_CASE("softhard takes hard positives and hard negatives, on a line") {
  // Anchor 0 at 0: positives at 0.5 and 2, negatives at 1 and 3. Hard: positive at 2 (farther than the negative at 1), negative at
  // 1 (nearer than the positive at 2).
  const auto x = torch::tensor({{0.0}, {0.5}, {2.0}, {1.0}, {3.0}}, torch::kFloat64);
  const auto labels = torch::tensor({0, 0, 0, 1, 2}, torch::kInt64);
  diva::Generator generator(1);
  for (int i = 0; i < 50; ++i) {
    const auto triplets = diva::softhard_triplets(x, labels, generator);
    CHECK(triplets.positives[0].item<std::int64_t>() == 2);
    CHECK(triplets.negatives[0].item<std::int64_t>() == 3);
  }
}

TEST_CASE("softhard refuses labels of another length") {
  diva::Generator generator(0);
  CHECK_THROWS_AS(diva::softhard_triplets(torch::zeros({3, 2}), torch::zeros({2}, torch::kInt64), generator), diva::ShapeError);
}
