#include "support/pair_checks.hpp"
#include "support/triplet_checks.hpp"

#include <diva/core/error.hpp>
#include <diva/miners/uniform_histogram.hpp>

#include <map>

namespace {

// On a line, all of one class: distances from the first 0.1, 0.2 and 1, of which two lie in the lower half.
const auto x = torch::tensor({{0.0}, {0.1}, {0.2}, {1.0}}, torch::kFloat64);

}  // namespace

TEST_CASE("uniform histogram draws equally often from each bin that has pairs") {
  // Positive distances, each in both directions: 0.1 (0-1, 1-2), 0.2 (0-2), 0.8 (2-3), 0.9 (1-3), 1.0 (0-3). Three bins of width
  // 0.3 from 0.1 to 1: {0.1, 0.1, 0.2}, none, {0.8, 0.9, 1.0}.
  diva::Generator generator(3);
  const auto pairs = diva::uniform_histogram_pairs({x, torch::zeros({4}, torch::kInt64)}, generator,
                                                   {.bins = 3, .positives_per_bin = 3000, .negatives_per_bin = 5});
  REQUIRE(pairs.anchors.numel() == 6000);
  CHECK(pairs.negatives.numel() == 0);
  std::map<pair_checks::Pair, int> counts;
  for (std::int64_t i = 0; i < 6000; ++i)
    ++counts[{pairs.anchors[i].item<std::int64_t>(), pairs.positives[i].item<std::int64_t>()}];
  REQUIRE(counts.size() == 12);
  for (const auto& [pair, count] : counts) CHECK(std::abs(count - 500) < 103);  // 5 sd of a binomial(3000, 1/6)
  const auto far = (pairs.anchors == 3) | (pairs.positives == 3);
  CHECK(far.narrow(0, 0, 3000).any().item<bool>() == false);  // ordered by bin
  CHECK(far.narrow(0, 3000, 3000).all().item<bool>());
}

TEST_CASE("uniform histogram draws within a bin by the weights of a relation") {
  auto weights = torch::zeros({4, 4});
  weights[0][1] = 1;
  weights[1][2] = 3;  // both distances are 0.1
  diva::Generator generator(4);
  const diva::Comparison batch{.embeddings = x, .relation = diva::Relation{weights, torch::zeros({4, 4}, torch::kBool)}};
  const auto pairs = diva::uniform_histogram_pairs(batch, generator, {.bins = 1, .positives_per_bin = 4000});
  REQUIRE(pairs.anchors.numel() == 4000);
  CHECK(std::abs((pairs.anchors == 1).sum().item<double>() - 3000) < 137);  // 5 sd of a binomial(4000, 3/4)
}

TEST_CASE("uniform histogram agrees with bins counted by a loop") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    diva::Generator generator(seed);
    const auto points = triplet_checks::unit_rows(generator, 10, 3);
    const auto labels = torch::arange(10, torch::kInt64).remainder(3);
    const auto distances = torch::cdist(points, points);
    const auto all = diva::all_pairs(labels);
    const auto values = distances.index({all.negative_anchors, all.negatives});
    const double low = values.min().item<double>(), width = (values.max().item<double>() - low) / 20;
    std::set<std::int64_t> filled;
    for (std::int64_t i = 0; i < values.numel(); ++i) {
      filled.insert(std::min<std::int64_t>(19, static_cast<std::int64_t>((values[i].item<double>() - low) / width)));
    }
    const auto pairs = diva::uniform_histogram_pairs({points, labels}, generator, {.bins = 20, .negatives_per_bin = 2});
    REQUIRE(pairs.negatives.numel() == 2 * static_cast<std::int64_t>(filled.size()));
    const auto drawn = distances.index({pairs.negative_anchors, pairs.negatives});
    std::size_t at = 0;
    for (const auto bin : filled) {
      for (int k = 0; k < 2; ++k, ++at) {
        const double place = (drawn[static_cast<std::int64_t>(at)].item<double>() - low) / width;
        REQUIRE(place > static_cast<double>(bin) - 1e-6);
        REQUIRE(place < static_cast<double>(bin) + 1 + 1e-6);
      }
    }
  }
}

TEST_CASE("uniform histogram of equal distances has one bin, and refuses none") {
  diva::Generator generator(5);
  const auto equal = torch::zeros({3, 2});
  const auto labels = torch::tensor({0, 0, 1}, torch::kInt64);
  const auto pairs = diva::uniform_histogram_pairs({equal, labels}, generator, {.positives_per_bin = 7, .negatives_per_bin = 0});
  CHECK(pairs.anchors.numel() == 7);
  CHECK(pairs.negatives.numel() == 0);
  CHECK_THROWS_AS(diva::uniform_histogram_pairs({equal, labels}, generator, {.bins = 0}), diva::OptionError);
}
