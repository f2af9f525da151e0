#pragma once

#include <diva/core/generator.hpp>
#include <diva/miners/comparison.hpp>

namespace diva::inline v0_1 {

/// One triplet an anchor, both ends hard where hard ones exist:
///
///   p uniform among positives with D_ap > min_n D_an,   n uniform among negatives with D_an < max_p D_ap,
///   or among all positives, or all negatives, where there is none such.
///
/// Softer than the hardest positive and negative, which a single mislabelled image can be.
///
/// Source:  Roth et al., Revisiting Training Strategies and Generalization Performance in DML, ICML 2020; batchminer/softhard.py.
///          The DiVA code calls it `semihard`.
/// Shapes:  embeddings [B, D], labels [B] int64, or a relation -> T ≤ B triplets.
/// Edge:    no anchor: T = 0. NaN distances: such anchors draw from all.
/// Cost:    O(B²·D) time, O(B²) memory.
Triplets softhard_triplets(const Comparison& comparison, Generator& generator);

}  // namespace diva::inline v0_1
