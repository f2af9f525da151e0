#pragma once

#include <diva/core/options.hpp>
#include <diva/distances/distance.hpp>
#include <diva/miners/comparison.hpp>

namespace diva::inline v0_1 {

struct PairMarginMinerOptions {
  double positive_margin = 0.2;   ///< Positives farther than this are kept.
  double negative_margin = 0.8;   ///< Negatives nearer than this are kept.
  DistanceOptions distance = {};  ///< Smaller is nearer for all kinds: PML's cosine similarity of 0.8 is a cosine distance of 0.2.
};

template <class Visitor>
void describe(PairMarginMinerOptions& options, Visitor&& visit) {
  visit("positive_margin", options.positive_margin, "positives farther than this are kept", any_value);
  visit("negative_margin", options.negative_margin, "negatives nearer than this are kept", any_value);
  visit("distance", options.distance, "between the two of a pair", any_value);
}

/// The pairs that a contrastive loss with these margins still pulls or pushes. Draws nothing.
///
///   (a, p) with D_ap > m_pos,   (a, n) with D_an < m_neg
///
/// Source:  pytorch-metric-learning 2.8.1, PairMarginMiner.
/// Shapes:  embeddings [B, D], labels [B] int64, or a relation -> P + N ≤ B·R pairs, ordered by anchor.
/// Edge:    no such pair: P = 0, N = 0. NaN distances satisfy no inequality.
/// Cost:    O(B·R·D) time, O(B·R) memory.
Pairs pair_margin_pairs(const Comparison& comparison, const PairMarginMinerOptions& options = {});

}  // namespace diva::inline v0_1
