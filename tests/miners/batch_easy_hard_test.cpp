#include "support/pair_checks.hpp"
#include "support/triplet_checks.hpp"

#include <diva/core/error.hpp>
#include <diva/miners/batch_easy_hard.hpp>

#include <cmath>

using diva::Hardness;
using pair_checks::negatives;
using pair_checks::positives;
using Set = std::set<pair_checks::Pair>;

namespace {

// On a line: class 0 at 0, 0.3 and 1.0; class 1 at 0.8 and 1.5; class 2 alone at 4.
const auto x = torch::tensor({{0.0}, {0.3}, {1.0}, {0.8}, {1.5}, {4.0}}, torch::kFloat64);
const auto labels = torch::tensor({0, 0, 0, 1, 1, 2}, torch::kInt64);

diva::Pairs mine(Hardness positive, Hardness negative) {
  return diva::batch_easy_hard_pairs({x, labels}, {.positive = positive, .negative = negative});
}

// The reference of a row that a brute search finds, or −1.
std::int64_t search(const torch::Tensor& distances, const torch::Tensor& allowed, bool farthest, double limit) {
  std::int64_t best = -1;
  for (std::int64_t j = 0; j < distances.size(0); ++j) {
    const double d = distances[j].item<double>();
    if (!allowed[j].item<bool>() || (farthest ? !(d < limit) : !(d > limit))) continue;
    if (best < 0 || (farthest ? d > distances[best].item<double>() : d < distances[best].item<double>())) best = j;
  }
  return best;
}

}  // namespace

TEST_CASE("batch easy-hard takes one pair of each kind an anchor, on a line") {
  // Hard positives: 0→2, 1→2, 2→0, 3→4, 4→3. Hard negatives: 0→3 (0.8), 1→3 (0.5), 2→3 (0.2), 3→2 (0.2), 4→2 (0.5).
  auto pairs = mine(Hardness::hard, Hardness::hard);
  const Set hard_positives{{0, 2}, {1, 2}, {2, 0}, {3, 4}, {4, 3}}, hard_negatives{{0, 3}, {1, 3}, {2, 3}, {3, 2}, {4, 2}};
  CHECK(positives(pairs) == hard_positives);
  CHECK(negatives(pairs) == hard_negatives);
  // Easy: nearest positives 0→1 (0.3), 1→0 (0.3), 2→1 (0.7), 3→4 (0.7), 4→3 (0.7); farthest negative: 5 for all.
  pairs = mine(Hardness::easy, Hardness::easy);
  const Set easy_positives{{0, 1}, {1, 0}, {2, 1}, {3, 4}, {4, 3}}, easy_negatives{{0, 5}, {1, 5}, {2, 5}, {3, 5}, {4, 5}};
  CHECK(positives(pairs) == easy_positives);
  CHECK(negatives(pairs) == easy_negatives);
  // Easy positives, semihard negatives: the nearest beyond the positive. 0: beyond 0.3 → 3 (0.8); 1: beyond 0.3 → 3 (0.5); 2:
  // beyond 0.7 → 5 (3.0); 3: beyond 0.7 → 0 (0.8); 4: beyond 0.7 → 1 (1.2).
  pairs = mine(Hardness::easy, Hardness::semihard);
  const Set semihard_negatives{{0, 3}, {1, 3}, {2, 5}, {3, 0}, {4, 1}};
  CHECK(positives(pairs) == easy_positives);
  CHECK(negatives(pairs) == semihard_negatives);
  // Semihard positives, hard negatives: the farthest nearer than the negative. 0: below 0.8 → 1 (0.3); 1: below 0.5 → 0; 2: below
  // 0.2 none; 3: below 0.2 none; 4: below 0.5 none. Those without have no negative pair either.
  pairs = mine(Hardness::semihard, Hardness::hard);
  const Set few_positives{{0, 1}, {1, 0}}, few_negatives{{0, 3}, {1, 3}};
  CHECK(positives(pairs) == few_positives);
  CHECK(negatives(pairs) == few_negatives);
}

TEST_CASE("batch easy-hard with all of one side lists every pair of it") {
  const auto pairs = mine(Hardness::all, Hardness::hard);
  CHECK(positives(pairs).size() == 8);  // 3·2 + 2·1
  // The lone sample of class 2 has a negative pair too: 5→4 (2.5).
  const Set hard_negatives{{0, 3}, {1, 3}, {2, 3}, {3, 2}, {4, 2}, {5, 4}};
  CHECK(negatives(pairs) == hard_negatives);
  const auto every = mine(Hardness::all, Hardness::all);
  CHECK(negatives(every).size() == 22);  // 36 − 9 − 4 − 1
}

TEST_CASE("batch easy-hard keeps to the allowed ranges") {
  const auto pairs = diva::batch_easy_hard_pairs(
      {x, labels},
      {.positive = Hardness::hard, .negative = Hardness::hard, .positive_range = {0.5, 0.9}, .negative_range = {0.3, 2}});
  // Positives within [0.5, 0.9]: 1→2 (0.7), 2→1 (0.7), 3→4, 4→3 (0.7); 0 has none (0.3, 1.0). Negatives within [0.3, 2]: 1→3 (0.5),
  // 2→4 (0.5), 3→1 (0.5), 4→2 (0.5).
  const Set in_range{{1, 2}, {2, 1}, {3, 4}, {4, 3}}, near{{1, 3}, {2, 4}, {3, 1}, {4, 2}};
  CHECK(positives(pairs) == in_range);
  CHECK(negatives(pairs) == near);
}

TEST_CASE("batch easy-hard agrees with a brute search") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    diva::Generator generator(seed);
    const auto points = triplet_checks::unit_rows(generator, 12, 4);
    const auto classes = (generator.uniform({12}, torch::kFloat64) * 5).floor().to(torch::kInt64);
    const auto distances = (points.unsqueeze(1) - points.unsqueeze(0)).norm(2, 2);
    const auto same = classes.unsqueeze(1) == classes.unsqueeze(0);
    const auto others = same & ~torch::eye(12, torch::kBool);
    for (const auto p_kind : {Hardness::hard, Hardness::semihard, Hardness::easy}) {
      for (const auto n_kind : {Hardness::hard, Hardness::semihard, Hardness::easy}) {
        if (p_kind == Hardness::semihard && n_kind == Hardness::semihard) continue;
        Set expected_positives, expected_negatives;
        for (std::int64_t a = 0; a < 12; ++a) {
          const auto of = [&](bool farthest, const torch::Tensor& mask, double limit) {
            return search(distances[a], mask[a], farthest, limit);
          };
          const auto reach = [&](std::int64_t j, double without) { return j < 0 ? without : distances[a][j].item<double>(); };
          std::int64_t p = -1, n = -1;
          if (p_kind == Hardness::semihard) {
            n = of(n_kind == Hardness::easy, ~same, n_kind == Hardness::easy ? INFINITY : -INFINITY);
            p = n < 0 ? -1 : of(true, others, reach(n, 0));
          } else {
            p = of(p_kind == Hardness::hard, others, p_kind == Hardness::hard ? INFINITY : -INFINITY);
            n = n_kind == Hardness::semihard ? (p < 0 ? -1 : of(false, ~same, reach(p, 0)))
                                             : of(n_kind == Hardness::easy, ~same, n_kind == Hardness::easy ? INFINITY : -INFINITY);
          }
          if (p < 0 || n < 0) continue;
          expected_positives.insert({a, p});
          expected_negatives.insert({a, n});
        }
        const auto pairs = diva::batch_easy_hard_pairs({points, classes}, {.positive = p_kind, .negative = n_kind});
        REQUIRE(positives(pairs) == expected_positives);
        REQUIRE(negatives(pairs) == expected_negatives);
      }
    }
  }
}

TEST_CASE("batch hard is easy-hard's hard twice, as triplets") {
  const auto triplets = diva::batch_hard_triplets({x, labels});
  const std::set<pair_checks::Triple> expected{{0, 2, 3}, {1, 2, 3}, {2, 0, 3}, {3, 4, 2}, {4, 3, 2}};
  CHECK(pair_checks::triples(triplets) == expected);
  triplet_checks::obey_labels([](auto& batch, auto&) { return diva::batch_hard_triplets(batch); });
}

TEST_CASE("batch easy-hard refuses what has no meaning") {
  CHECK_THROWS_AS(mine(Hardness::semihard, Hardness::semihard), diva::OptionError);
  CHECK_THROWS_AS(mine(Hardness::all, Hardness::semihard), diva::OptionError);
  CHECK_THROWS_AS(mine(Hardness::semihard, Hardness::all), diva::OptionError);
  CHECK_THROWS_AS(diva::batch_easy_hard_pairs({x, labels}, {.positive_range = {1}}), diva::OptionError);
  CHECK_THROWS_AS(diva::batch_easy_hard_pairs({x, labels}, {.negative_range = {2, 1}}), diva::OptionError);
  CHECK_THROWS_AS(diva::batch_easy_hard_pairs({x, labels.narrow(0, 0, 1)}), diva::ShapeError);
}
