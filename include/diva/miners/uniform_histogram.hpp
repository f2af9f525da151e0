#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/distances/distance.hpp>
#include <diva/miners/comparison.hpp>

#include <cstdint>

namespace diva::inline v0_1 {

struct UniformHistogramOptions {
  std::int64_t bins = 100;              ///< Of equal width, between the smallest and the largest distance of each kind; ≥ 1.
  std::int64_t positives_per_bin = 10;  ///< Draws from each bin that is not empty; ≥ 0.
  std::int64_t negatives_per_bin = 10;  ///< Likewise.
  DistanceOptions distance = {};
};

template <class Visitor>
void describe(UniformHistogramOptions& options, Visitor&& visit) {
  visit("bins", options.bins, "of equal width between the smallest and the largest distance", at_least(1));
  visit("positives_per_bin", options.positives_per_bin, "positive pairs drawn from each bin that has some", at_least(0));
  visit("negatives_per_bin", options.negatives_per_bin, "negative pairs drawn from each bin that has some", at_least(0));
  visit("distance", options.distance, "between the two of a pair", any_value);
}

/// Positive and negative pairs whose distances are spread uniformly: the same number of draws, with replacement, from each bin of
/// their histogram.
///
/// Source:  pytorch-metric-learning 2.8.1, UniformHistogramMiner.
/// Shapes:  embeddings [B, D], labels [B] int64, or a relation (by whose weights pairs are drawn within a bin) -> at most
///          bins·positives_per_bin and bins·negatives_per_bin pairs, ordered by bin.
/// Edge:    no pair of a kind: none of it. All distances equal: one bin. NaN distances fall into the last bin.
/// Cost:    O(B·R·(D + log(B·R))) time, O(B·R) memory.
Pairs uniform_histogram_pairs(const Comparison& comparison, Generator& generator, const UniformHistogramOptions& options = {});

}  // namespace diva::inline v0_1
