#pragma once

#include <torch/types.h>
#include <diva/core/options.hpp>

#include <cstdint>

namespace diva::inline v0_1 {

struct PcaOptions {
  std::int64_t components = 0;  ///< Directions kept; 0: min(N, D), all there are.
  bool whiten = false;          ///< Scale each direction to variance 1.
};

template <class Visitor>
void describe(PcaOptions& options, Visitor&& visit) {
  visit("components", options.components, "directions kept; 0: all", non_negative);
  visit("whiten", options.whiten, "scale each direction to variance 1");
}

/// The directions of largest variance, all float64 and on the device of the features they came from.
struct Pca {
  torch::Tensor mean;                ///< [D].
  torch::Tensor components;          ///< [K, D], orthonormal rows, that of the largest variance first.
  torch::Tensor explained_variance;  ///< [K]: variance along each, with divisor N − 1.
  torch::Tensor scales;              ///< [K]: what `transform` multiplies by; 1, or 1 / √variance to whiten.
  double total_variance = 0;         ///< Over all D directions, so that explained_variance / total_variance is the share explained.
};

/// Principal components of the rows: the eigenvectors of their covariance.
///
///   C = 1/(N − 1) Σ (x − mean)(x − mean)ᵀ,   C w_k = v_k w_k,   v_1 ≥ v_2 ≥ …
///
/// How: two passes, mean and covariance, in float64, block by block. With fewer rows than dimensions the eigenvectors u of the
/// N × N matrix of products of the centred rows X give w = Xᵀu / |Xᵀu|, orthogonalised once more.
///
/// Source:  Jolliffe, Principal Component Analysis, 2002; the smaller matrix: Turk, Pentland, Eigenfaces for
///          Recognition, Journal of Cognitive Neuroscience 1991.
/// Differs: the sign of a component, which is arbitrary, is such that its entry of largest magnitude, the first of equals, is
///          positive.
/// Shapes:  features [N, D], any floating type.
/// Edge:    directions without variance (within rounding: v ≤ max(N, D) 2⁻⁵² v_1) have variance 0, are some orthonormal
///          completion, and whiten to 0. N = 1: all of them.
/// Cost:    O(N D min(N, D) + min(N, D)³) time, O(min(N, D)² + D K) memory besides a block of 32 MiB. The number of threads
///          does not change the result.
/// Throws:  OptionError (components > min(N, D)), ShapeError, DataError (no rows, NaN, infinite, or squares that overflow).
Pca fit_pca(const torch::Tensor& features, const PcaOptions& options = {});

/// (x − mean) · componentsᵀ · scales: computed in float64, returned in the features' type (float32 for the 16-bit types).
///
/// Shapes:  features [M, D] on the device of `pca` -> [M, K].
/// Cost:    O(M D K) time, a block of 32 MiB besides the result.
/// Throws:  ShapeError.
torch::Tensor transform(const Pca& pca, const torch::Tensor& features);

}  // namespace diva::inline v0_1
