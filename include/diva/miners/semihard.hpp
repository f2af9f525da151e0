#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/miners/comparison.hpp>

namespace diva::inline v0_1 {

struct SemihardOptions {
  double margin = 0.2;  ///< How far beyond the positive a negative may lie, a Euclidean distance; > 0. The triplet loss's margin.
};

template <class Visitor>
void describe(SemihardOptions& options, Visitor&& visit) {
  visit("margin", options.margin, "how far beyond the positive a negative may lie", positive);
}

/// One triplet an anchor: a uniform positive p, and a uniform negative among those a little farther than it,
///
///   D_ap < D_an < D_ap + margin,   or among all negatives where there is none such.
///
/// Source:  Schroff et al., FaceNet, CVPR 2015, section 3.2; arXiv 1503.03832. Reference: Revisiting DML, batchminer/semihard.py.
/// Differs: samples without a positive are left out, where the reference fails. The DiVA code's `semihard` is `softhard` here.
/// Shapes:  embeddings [B, D], labels [B] int64, or a relation -> T ≤ B triplets.
/// Edge:    no anchor: T = 0. NaN distances satisfy no inequality, so such anchors draw from all their negatives.
/// Cost:    O(B²·D) time, O(B²) memory.
Triplets semihard_triplets(const Comparison& comparison, Generator& generator, const SemihardOptions& options = {});

}  // namespace diva::inline v0_1
