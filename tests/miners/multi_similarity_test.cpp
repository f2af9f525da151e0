#include "support/pair_checks.hpp"
#include "support/triplet_checks.hpp"

#include <diva/core/error.hpp>
#include <diva/miners/multi_similarity.hpp>

using pair_checks::negatives;
using pair_checks::positives;
using Set = std::set<pair_checks::Pair>;

TEST_CASE("multi-similarity keeps the pairs that are hard beside the other side's hardest, on a line") {
  // Anchor 0 at 0: positives 1 and 2 at 0.2 and 0.9, negatives 3 and 4 at 1.0 and 1.05; ε = 0.12.
  //   positives: 0.2 + 0.12 > 1.0 no, 0.9 + 0.12 > 1.0 yes;   negatives: 1.0 − 0.12 < 0.9 yes, 1.05 − 0.12 < 0.9 no.
  const auto x = torch::tensor({{0.0}, {0.2}, {0.9}, {1.0}, {1.05}}, torch::kFloat64);
  const auto labels = torch::tensor({0, 0, 0, 1, 2}, torch::kInt64);
  const auto pairs = diva::multi_similarity_pairs({x, labels}, {.margin = 0.12, .distance = {}});
  // Anchor 1 at 0.2: positives at 0.2, 0.7 beside nearest negative 0.8: the second (0.82 > 0.8); negatives 0.8, 0.85 beside 0.7:
  // the first (0.68). Anchor 2 at 0.9: positives 0.9, 0.7 beside 0.1: both; negatives 0.1, 0.15 beside 0.9: both. 3 and 4 have no
  // positive.
  const Set hard_positives{{0, 2}, {1, 2}, {2, 0}, {2, 1}}, hard_negatives{{0, 3}, {1, 3}, {2, 3}, {2, 4}};
  CHECK(positives(pairs) == hard_positives);
  CHECK(negatives(pairs) == hard_negatives);
}

TEST_CASE("multi-similarity agrees with a loop over cosines") {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    diva::Generator generator(seed);
    const auto x = generator.normal({14, 5}, torch::kFloat64);
    const auto labels = (generator.uniform({14}, torch::kFloat64) * 5).floor().to(torch::kInt64);
    const auto s = torch::cosine_similarity(x.unsqueeze(1), x.unsqueeze(0), 2);
    Set expected_positives, expected_negatives;
    for (std::int64_t a = 0; a < 14; ++a) {
      double least_similar = INFINITY, most_similar = -INFINITY;
      const auto alike = [&](std::int64_t j) { return labels[a].item<std::int64_t>() == labels[j].item<std::int64_t>(); };
      for (std::int64_t j = 0; j < 14; ++j) {
        if (j != a && alike(j)) least_similar = std::min(least_similar, s[a][j].item<double>());
        if (!alike(j)) most_similar = std::max(most_similar, s[a][j].item<double>());
      }
      for (std::int64_t j = 0; j < 14; ++j) {
        const double similarity = s[a][j].item<double>();
        if (j != a && alike(j) && similarity - 0.1 < most_similar) expected_positives.insert({a, j});
        if (!alike(j) && similarity + 0.1 > least_similar) expected_negatives.insert({a, j});
      }
    }
    const auto pairs = diva::multi_similarity_pairs({x, labels});
    REQUIRE(positives(pairs) == expected_positives);
    REQUIRE(negatives(pairs) == expected_negatives);
  }
}

TEST_CASE("multi-similarity of one class is empty") {
  const auto pairs = diva::multi_similarity_pairs({torch::ones({3, 2}), torch::zeros({3}, torch::kInt64)});
  CHECK(pairs.anchors.numel() + pairs.negatives.numel() == 0);
  CHECK_THROWS_AS(diva::multi_similarity_pairs({torch::ones({3, 2}), torch::zeros({2}, torch::kInt64)}), diva::ShapeError);
}
