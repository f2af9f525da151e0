#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/miners/comparison.hpp>

#include <array>
#include <utility>

namespace diva::inline v0_1 {

/// From where negatives are taken when positives may be among them.
enum class Anticollapse {
  distance,  ///< From all other samples, by inverse distance density.
  semihard,  ///< From hard negatives and hard positives alike, uniformly.
};

constexpr auto enumerators(Anticollapse) {
  return std::array{std::pair{Anticollapse::distance, "distance"}, std::pair{Anticollapse::semihard, "semihard"}};
}

struct AnticollapseOptions {
  Anticollapse kind = Anticollapse::distance;
  double lower_cutoff = 0.5;  ///< distance: λ, nearer samples count as if at this distance; in (0, 2).
  double upper_cutoff = 1.4;  ///< distance: samples farther than this are left out, unless all are; > 0.
};

template <class Visitor>
void describe(AnticollapseOptions& options, Visitor&& visit) {
  visit("kind", options.kind, "distance: any sample by inverse distance density; semihard: hard negatives and hard positives",
        any_value);
  visit("lower_cutoff", options.lower_cutoff, "distance: nearer samples count as if at this distance",
        Bounds{.lower = 0, .upper = 2, .lower_open = true, .upper_open = true});
  visit("upper_cutoff", options.upper_cutoff, "distance: samples farther than this are left out", positive);
}

/// One triplet an anchor whose negative may be of the anchor's class, so that classes are not squeezed into points.
///
///   distance:  p uniform among positives, P(n | a) ∝ 1 / q(max(D_an, λ)) over all n ≠ a with D_an ≤ upper cut-off
///   semihard:  p as softhard's; n uniform among negatives nearer than the farthest positive and positives farther than the nearest
///              negative, or among all negatives where there is neither
///
/// Source:  the seed's `anticollapse_distance` and `anticollapse_semihard`; q as in miners/distance_weighted.hpp. The seed's
///          `anticollapse_cdistance` is rho_distance.
/// Differs: the seed's `anticollapse_distance` pairs anchor i of the batch with the draws of the i-th sample that has a positive,
///          which is another one where classes are singletons, and needs flags that it does not declare (FIELD A12).
/// Shapes:  embeddings [B, D] on the unit sphere, labels [B] int64, or a relation -> T ≤ B triplets.
/// Edge:    no anchor (a positive and a negative exist): T = 0. NaN distances: as softhard, and for `distance` uniform draws.
/// Cost:    O(B·R·D) time, O(B·R) memory.
Triplets anticollapse_triplets(const Comparison& comparison, Generator& generator, const AnticollapseOptions& options = {});

}  // namespace diva::inline v0_1
