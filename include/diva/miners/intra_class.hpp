#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/miners/comparison.hpp>

namespace diva::inline v0_1 {

struct IntraClassOptions {
  /// `fixed`: anchor differs from positive and negative, and they from each other where the class has three samples in the batch.
  /// `repo`: three draws with replacement, as the seed; with two samples a class a repeat is then certain, and a = p = n happens.
  Variant variant = Variant::fixed;
};

template <class Visitor>
void describe(IntraClassOptions& options, Visitor&& visit) {
  visit("variant", options.variant, "fixed: no sample twice where possible; repo: draws with replacement", any_value);
}

/// B triplets inside one class each, so that a head trained on them learns what varies within a class: a uniform class of the
/// batch (among those with two samples or more), then its anchor, positive and negative.
///
/// Source:  Milbich, Roth et al., DiVA, ECCV 2020, section 3.2. Reference: the seed's `intra_random`.
/// Differs: `fixed` never pairs a sample with itself (see the option). A class with two samples gives p = n: margin loss then holds
///          their distance in the corridor β ± α.
/// Shapes:  labels [B] int64, or a relation -> B triplets. With a relation an anchor's class is itself and its positives, drawn by
///          their weights; with a reference positive and negative are references, and classes are those of the batch.
/// Edge:    no class with two samples: T = 0.
/// Cost:    O(B² + B·R).
Triplets intra_class_triplets(const Comparison& comparison, Generator& generator, const IntraClassOptions& options = {});

}  // namespace diva::inline v0_1
