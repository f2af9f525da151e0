#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/miners/comparison.hpp>

#include <limits>

namespace diva::inline v0_1 {

struct DistanceWeightedOptions {
  /// λ: nearer negatives count as if at this distance, which bounds the gradient's variance; in (0, 2).
  double lower_cutoff = 0.5;
  double upper_cutoff = std::numeric_limits<double>::infinity();  ///< Negatives beyond it are left out; the paper's is 1.4, the
                                                                  ///< reference codes leave it off, since it can leave none.
  /// `repo`: a sample that is alone in its class is an anchor too, with itself as positive, as in the seed (without a reference).
  /// `pml`: rows are L2-normalised first, an anchor whose negatives all lie beyond the upper cut-off is left out, and an anchor has
  /// as many triplets as its class has samples, itself included where it is one of the references.
  Variant variant = Variant::fixed;
};

template <class Visitor>
void describe(DistanceWeightedOptions& options, Visitor&& visit) {
  visit("lower_cutoff", options.lower_cutoff, "nearer negatives count as if at this distance",
        Bounds{.lower = 0, .upper = 2, .lower_open = true, .upper_open = true});
  visit("upper_cutoff", options.upper_cutoff, "negatives farther than this are left out; infinity keeps all", positive);
  visit("variant", options.variant, "repo: a sample alone in its class is its own positive; pml: as pytorch-metric-learning",
        any_value);
}

/// The logarithm of the inverse density of distances between random points of the unit sphere in `dim` dimensions, up to a
/// constant:
///
///   −log q(d) = (2 − dim)·log d − (dim − 3)/2 · log(1 − d²/4)
///
/// At d = 2 (opposite points) the last term has no finite value; 1 − d²/4 is kept at 1e-8 or more, so d beyond 2 − 2e-8 counts as
/// that.
torch::Tensor log_inverse_distance_density(const torch::Tensor& distances, std::int64_t dim);

/// Chance of each reference to become anchor i's negative, in float64: row i sums to 1, or is all 0 when i is no anchor.
///
///   P(n | a) ∝ 1 / q(max(D_an, λ)) over negatives with D_an ≤ upper cut-off
///
/// Computed in log space, so that no dimension underflows. An anchor whose negatives all lie beyond the upper cut-off draws
/// uniformly from them, as the paper's code does; with `pml` its row is 0.
///
/// Shapes:  embeddings [B, D] on the unit sphere, labels [B] int64, or a relation (of which any weight makes a negative) -> [B, R].
torch::Tensor distance_weighted_probabilities(const Comparison& comparison, const DistanceWeightedOptions& options = {});

/// One triplet an anchor: a uniform positive, and a negative at a distance that is drawn about uniformly rather than from the crowd
/// near √2, where nearly all pairs of a high-dimensional sphere lie.
///
/// Source:  Wu et al., Sampling Matters in Deep Embedding Learning, ICCV 2017, section 4; arXiv 1706.07567. Reference: the seed's
///          `distance`; pytorch-metric-learning's DistanceWeightedMiner is the preset of that name.
/// Differs: samples without a positive are left out, where the seed makes a singleton its own positive (`repo`).
/// Shapes:  as distance_weighted_probabilities -> T ≤ B triplets (`pml`: Σ of the classes' squared sizes at most).
/// Edge:    no anchor: T = 0. Identical and opposite embeddings: finite probabilities. NaN embeddings give indices inside the
///          batch, and the criterion's NaN tells.
/// Cost:    O(B·R·D) time, O(B·R) memory.
Triplets distance_weighted_triplets(const Comparison& comparison, Generator& generator,
                                    const DistanceWeightedOptions& options = {});

namespace detail {

/// Row-wise probabilities over `candidates` [R, B] by inverse distance density; `distances` [R, B].
torch::Tensor inverse_density_probabilities(const torch::Tensor& distances, const torch::Tensor& candidates, std::int64_t dim,
                                            const DistanceWeightedOptions& options);

}  // namespace detail
}  // namespace diva::inline v0_1
