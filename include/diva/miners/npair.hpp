#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/miners/comparison.hpp>

namespace diva::inline v0_1 {

struct NpairMinerOptions {
  /// `fixed`: negatives are samples of other classes, as in Revisiting DML; `repo`: all but the anchor and its positive, as in the
  /// DiVA code, so with more than two samples a class the anchor's own class among them.
  Variant variant = Variant::fixed;
};

template <class Visitor>
void describe(NpairMinerOptions& options, Visitor&& visit) {
  visit("variant", options.variant, "fixed: negatives of other classes; repo: all but anchor and positive", any_value);
}

/// For each anchor one positive, uniform, against all its negatives: what the N-pair and the angular loss compare.
///
/// Source:  Sohn, Improved Deep Metric Learning with Multi-class N-pair Loss Objective, NIPS 2016. Reference: the seed's `npair`.
/// Differs: see the option (FIELD B8 of the DiVA code).
/// Shapes:  labels [B] int64, or a relation -> P ≤ B positive pairs, one for each sample that has a positive, and N ≤ B·R negative
///          pairs of the same anchors.
/// Edge:    no sample with a positive: P = N = 0. An anchor may have no negative.
/// Cost:    O(B·R).
Pairs npair_pairs(const Comparison& comparison, Generator& generator, const NpairMinerOptions& options = {});

}  // namespace diva::inline v0_1
