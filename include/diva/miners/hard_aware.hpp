#pragma once

#include <diva/core/options.hpp>
#include <diva/distances/distance.hpp>
#include <diva/miners/comparison.hpp>

#include <optional>

namespace diva::inline v0_1 {

struct HardAwareOptions {
  double fraction = 0.5;  ///< Share of the positive pairs, and of the negative pairs, that are kept; in [0, 1]. Rounded up.
  DistanceOptions distance = {};
};

template <class Visitor>
void describe(HardAwareOptions& options, Visitor&& visit) {
  visit("fraction", options.fraction, "share of the positive and of the negative pairs that is kept", between(0, 1));
  visit("distance", options.distance, "between the two of a pair", any_value);
}

/// The hardest share of the batch's pairs: the farthest positives and the nearest negatives of all anchors together. Draws nothing.
///
/// Source:  Yuan et al., Hard-Aware Deeply Cascaded Embedding, ICCV 2017; arXiv 1611.05720. Reference: pytorch-metric-learning
///          2.8.1, HDCMiner.
/// Shapes:  embeddings [B, D], labels [B] int64, or a relation -> ⌈fraction·P⌉ + ⌈fraction·N⌉ pairs, hardest first. `among`
///          replaces all pairs of the comparison by given ones: the harder stages of a cascade choose among those of the stage
///          before.
/// Edge:    no pair: none. Of equally hard pairs at the limit which are kept is not defined.
/// Cost:    O(B·R·(D + log(B·R))) time, O(B·R) memory.
Pairs hard_aware_pairs(const Comparison& comparison, const HardAwareOptions& options = {}, const std::optional<Pairs>& among = {});

}  // namespace diva::inline v0_1
