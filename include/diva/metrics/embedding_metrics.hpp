#pragma once

#include <torch/types.h>
#include <diva/core/options.hpp>

#include <cstdint>

namespace diva {

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

}  // namespace diva
