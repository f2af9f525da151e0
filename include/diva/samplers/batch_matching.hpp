#pragma once

#include <torch/types.h>

namespace diva::inline v0_1 {

/// How far two sets of features differ as normal distributions (the Fréchet inception distance).
///
///   |μ_a − μ_b|² + tr Σ_a + tr Σ_b − 2 tr (Σ_a Σ_b)^½
///
/// Means and covariances of the rows, covariances by n − 1. The last term is Σ √λ over the eigenvalues λ of C_b Σ_a C_bᵀ / (n_b −
/// 1), C_b the centred rows of b, which are real and not negative, so no root of a matrix that is not symmetric is taken.
///
/// Source:  Heusel et al., GANs Trained by a Two Time-Scale Update Rule, NIPS 2017; the DiVA code,
///          datasampler/fid_batchmatch_sampler.py.
/// Differs: that code takes the root by Schur's method of the product with 1e-16 (1e-8) on the diagonals, and its real part.
/// Shapes:  a [N, D], b [M, D], any floating type -> ≥ 0, computed in double on the CPU.
/// Edge:    one row has covariance 0. Equal sets: 0 up to rounding, about 1e-8 of the variance.
/// Cost:    O(N·D² + M·D·min(M, D) + min(M, D)³).
/// Throws:  ShapeError; DataError for a set without rows or values that are not finite.
double frechet_distance(const torch::Tensor& a, const torch::Tensor& b);

/// How far two sets differ in mean and spread of their features, and in mean and spread of the distances within them.
///
///   |μ_a − μ_b| + |σ_a − σ_b| + 5 |m_a − m_b| + 5 |s_a − s_b|
///
/// μ and σ are vectors, means and standard deviations of each feature; m and s are those of the Euclidean distances between two
/// different rows. Deviations are of the population (by n).
///
/// Source:  the DiVA code, datasampler/distmoment_batchmatch_sampler.py.
/// Differs: there m and s take in the distance 0 of each row to itself, which weighs more in the smaller set.
/// Shapes:  as frechet_distance.
/// Edge:    one row: m = s = 0.
/// Cost:    O((N² + M²)·D) time, O(N² + M²) memory.
/// Throws:  as frechet_distance.
double distance_moment_cost(const torch::Tensor& a, const torch::Tensor& b);

/// How far two sets differ in mean and spread of their features, and in the histograms of the distances within them.
///
///   |μ_a − μ_b| + |σ_a − σ_b| + 10 W,   W = w Σ_k |F_a(k) − F_b(k)|
///
/// F are the cumulative shares of 50 bins of width w between the smallest and the largest distance within a, so W is the earth
/// mover's distance of the histograms, in units of distance; distances of b outside belong to the first or last bin. 10 is the sum
/// of the weights of both moments in distance_moment_cost: W is at least the difference of the binned means.
///
/// Source:  the DiVA code, datasampler/disthist_batchmatch_sampler.py.
/// Differs: that code gives the heights of the bins to scipy's wasserstein_distance as if they were samples, which compares how
///          heights are distributed and not where bins lie, and weighs it by 2·75.
/// Shapes:  as frechet_distance.
/// Edge:    a set of one row has no distance: F = 0. All distances within a equal, or none: W = 0.
/// Cost:    as distance_moment_cost.
/// Throws:  as frechet_distance.
double distance_histogram_cost(const torch::Tensor& a, const torch::Tensor& b);

}  // namespace diva::inline v0_1
