#pragma once

#include <diva/core/options.hpp>
#include <diva/distances/distance.hpp>
#include <diva/miners/comparison.hpp>

namespace diva::inline v0_1 {

struct MultiSimilarityMinerOptions {
  double margin = 0.1;  ///< ε: pairs that are easier than the hardest of the other side by more than this are left out.
  DistanceOptions distance = {.kind = Distance::cosine};
};

template <class Visitor>
void describe(MultiSimilarityMinerOptions& options, Visitor&& visit) {
  visit("margin", options.margin, "pairs easier than the hardest of the other side by more than this are left out", any_value);
  visit("distance", options.distance, "between the two of a pair", any_value);
}

/// The pairs that are hard beside the other side's hardest. Draws nothing.
///
///   (a, p) with D_ap + ε > min_n D_an,   (a, n) with D_an − ε < max_p D_ap
///
/// Source:  Wang et al., Multi-Similarity Loss with General Pair Weighting, CVPR 2019, eq. 11 and 12; arXiv 1904.06627.
///          Reference: pytorch-metric-learning 2.8.1, MultiSimilarityMiner.
/// Shapes:  embeddings [B, D], labels [B] int64, or a relation -> P + N ≤ B·R pairs, ordered by anchor.
/// Edge:    an anchor without a positive or without a negative has no pair. NaN distances satisfy no inequality.
/// Cost:    O(B·R·D) time, O(B·R) memory.
Pairs multi_similarity_pairs(const Comparison& comparison, const MultiSimilarityMinerOptions& options = {});

}  // namespace diva::inline v0_1
