#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/miners/comparison.hpp>

#include <limits>

namespace diva::inline v0_1 {

struct RhoDistanceOptions {
  double switch_probability = 0.2;  ///< p_ρ: chance that an anchor pushes its own class; in [0, 1]. Revisiting's default.
  double lower_cutoff = 0.5;        ///< λ of the distance-weighted draws; in (0, 2).
  double upper_cutoff = std::numeric_limits<double>::infinity();  ///< Of the distance-weighted draws; the references ignore theirs.
};

template <class Visitor>
void describe(RhoDistanceOptions& options, Visitor&& visit) {
  visit("switch_probability", options.switch_probability, "chance that an anchor pushes a sample of its own class away",
        between(0, 1));
  visit("lower_cutoff", options.lower_cutoff, "nearer negatives count as if at this distance",
        Bounds{.lower = 0, .upper = 2, .lower_open = true, .upper_open = true});
  visit("upper_cutoff", options.upper_cutoff, "negatives farther than this are left out; infinity keeps all", positive);
}

/// Distance-weighted triplets of which a share is turned round: the ρ-regularisation, which keeps more directions of the embedding
/// alive than the classes need.
///
///   with chance p_ρ:  (a, a, p)  p uniform among the positives: nothing is pulled, a positive is pushed
///   otherwise:        (a, p, n)  as distance_weighted_triplets
///
/// Source:  Roth et al., Revisiting Training Strategies and Generalization Performance in DML, ICML 2020, section 5; Revisiting's
///          `rho_distance`, which the DiVA code calls `anticollapse_cdistance`.
/// Shapes:  embeddings [B, D] on the unit sphere, labels [B] int64, or a relation -> T ≤ B triplets, one an anchor.
/// Edge:    no anchor: T = 0. Limits: p_ρ = 0 is distance_weighted_triplets.
/// Cost:    O(B²·D) time, O(B²) memory.
/// Throws:  OptionError for a reference, in which the anchor has no place, ShapeError.
Triplets rho_distance_triplets(const Comparison& comparison, Generator& generator, const RhoDistanceOptions& options = {});

}  // namespace diva::inline v0_1
