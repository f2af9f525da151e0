#pragma once

#include <torch/types.h>
#include <diva/core/options.hpp>

#include <cstdint>

namespace diva::inline v0_1 {

/// How far samples of one class lie apart, and how far classes do, as cosine distances 1 − cos.
struct ClassDistances {
  double intra = 0;  ///< Mean over the classes of two or more of the mean distance of their pairs; NaN without such a class.
  double inter = 0;  ///< Mean distance of the pairs of class means; NaN with one class.

  [[nodiscard]] double intra_over_inter() const { return intra / inter; }
};

/// Source:  Roth et al., Revisiting Training Strategies and Generalization Performance in Deep Metric Learning, ICML 2020,
///          section 5 (π_intra, π_inter, π_ratio); arXiv 2002.08473.
/// Differs: one sample of a class has no pair and is left out; the reference code gives NaN for the whole (its mask is an index).
///          Class means are means of the features as they are, normalised afterwards, as there.
/// Shapes:  features [N, D]; labels [N] int64.
/// Edge:    a class mean of length 0 has the distance 1 to all others.
/// Cost:    O(N D) time: the sum over pairs of unit vectors is |Σ x|² − N. O(C D) memory for C classes.
/// Throws:  ShapeError; DataError (NaN or infinite features, rows of length 0, no rows).
ClassDistances class_distances(const torch::Tensor& features, const torch::Tensor& labels);

/// How near the pairs of one class are on the unit sphere: the mean of |x̂ − ŷ|² over all of them, x̂ = x / |x|.
///
/// Source:  Wang, Isola, Understanding Contrastive Representation Learning through Alignment and Uniformity on the Hypersphere,
///          ICML 2020, with α = 2; arXiv 2005.10242. Their positive pairs are views of one image, ours samples of one class.
/// Shapes:  features [N, D]; labels [N] int64. In [0, 4], smaller is better aligned.
/// Edge:    NaN without a class of two. Each pair counts the same, so large classes weigh more, other than in class_distances.
/// Cost:    O(N D) time: Σ over the pairs of n unit vectors of |x̂ − ŷ|² is n² − |Σ x̂|².
/// Throws:  ShapeError; DataError (NaN or infinite features, rows of length 0, no rows).
double alignment(const torch::Tensor& features, const torch::Tensor& labels);

/// How evenly the features cover the unit sphere, whatever their classes.
///
///   log mean over all pairs i < j of exp(−t |x̂_i − x̂_j|²)
///
/// Source:  as alignment, with their t = 2.
/// Shapes:  features [N, D]. In [−4t, 0], smaller is more uniform.
/// Edge:    NaN with one row. Duplicates are pairs like others.
/// Cost:    O(N² D / 2) time by tiles of products in the features' own type, O(N D) memory; exponentials and sums are in double.
/// Throws:  OptionError (t not in (0, 100]), ShapeError; DataError (NaN or infinite features, rows of length 0, no rows).
double uniformity(const torch::Tensor& features, double t = 2);

/// The singular values of the features divided by their sum, the largest first: how evenly the embedding uses its dimensions.
///
/// Differs: the seed's code on the CPU drops the smallest value first; `repo` does the same.
/// Shapes:  features [N, D] -> [min(N, D)] float64 (one fewer for repo).
/// Cost:    O(N D²) time, O(D²) memory: the rows are reduced to a triangle block by block, which keeps small values accurate where
///          the product XᵀX would lose them.
/// Throws:  ShapeError; DataError (NaN or infinite features, no value but zeros).
torch::Tensor singular_spectrum(const torch::Tensor& features, Variant variant = Variant::fixed);

/// Distance of the spectrum s, without its first |mode| − 1 values and normalised again, from the uniform distribution u, in nats.
///
///   ρ = KL(u ‖ s)  for mode > 0,   KL(s ‖ u)  for mode < 0
///
/// Source:  as class_distances; its ρ(Φ) is mode 1 there, and lower values go with better generalisation. Mode 2 ignores the
///          largest value, which only tells the common offset of the features.
/// Edge:    0 for a flat spectrum. +∞ for mode > 0 when a value is exactly 0.
/// Throws:  OptionError (mode 0, or one that leaves no value but zeros), ShapeError.
double rho_spectrum(const torch::Tensor& spectrum, std::int64_t mode);

/// The fewest principal components that hold `share` of the variance, divided by D: low where the embedding uses few dimensions.
///
///   n / D,   n = min { m : λ_1 + … + λ_m ≥ share Σ λ },   λ_1 ≥ λ_2 ≥ … of the covariance
///
/// Source:  OML's pcf (open-metric-learning 4.0).
/// Differs: OML asks for more than the share, so that where a sum equals it, it counts one component more than needed, and by
///          rounding any number more for share = 1. Here a sum within 1e-12 of the share has reached it.
/// Shapes:  features [N, D], share in (0, 1].
/// Edge:    features without variance (equal rows, one row): 0.
/// Cost:    that of singular_spectrum.
/// Throws:  OptionError (share), ShapeError; DataError (NaN or infinite features, no rows).
double principal_component_fraction(const torch::Tensor& features, double share);

}  // namespace diva::inline v0_1
