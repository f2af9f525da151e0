#pragma once

#include <diva/miners/comparison.hpp>

namespace diva::inline v0_1 {

/// All pairs of the anchors that have a positive: what the lifted structured loss compares. Draws nothing.
///
/// Source:  Oh Song et al., Deep Metric Learning via Lifted Structured Feature Embedding, CVPR 2016, in the generalised form of
///          Hermans et al., In Defense of the Triplet Loss, 2017. Reference: the seed's `lifted`.
/// Differs: all_pairs has negative pairs also of anchors without a positive.
/// Shapes:  labels [B] int64, or a relation -> P + N ≤ B·R pairs, ordered by anchor.
/// Edge:    no sample with a positive: P = N = 0. An anchor may have no negative.
/// Cost:    O(B·R).
Pairs lifted_pairs(const Comparison& comparison);

}  // namespace diva::inline v0_1
