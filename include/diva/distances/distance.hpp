#pragma once

#include <torch/types.h>
#include <diva/core/listing.hpp>
#include <diva/core/options.hpp>

#include <array>
#include <utility>
#include <vector>

namespace diva::inline v0_1 {

/// What "far" means.
enum class Distance {
  euclidean,          ///< ‖a−b‖, in [0, 2] on the unit sphere.
  squared_euclidean,  ///< ‖a−b‖², in [0, 4] on the unit sphere.
  cosine,             ///< 1 − a·b/(‖a‖‖b‖), in [0, 2]; half the squared Euclidean distance on the unit sphere.
  dot,                ///< −a·b.
  lp,                 ///< ‖a−b‖_p.
  snr,                ///< var(a−b) / var(a) over the dimensions: noise over signal, so not symmetric.
  hyperbolic,         ///< Of the Poincaré ball, after the exponential map at its centre.
};

constexpr auto enumerators(Distance) {
  return std::array{std::pair{Distance::euclidean, "euclidean"},
                    std::pair{Distance::squared_euclidean, "squared_euclidean"},
                    std::pair{Distance::cosine, "cosine"},
                    std::pair{Distance::dot, "dot"},
                    std::pair{Distance::lp, "lp"},
                    std::pair{Distance::snr, "snr"},
                    std::pair{Distance::hyperbolic, "hyperbolic"}};
}

/// A distance with what it needs to know.
struct DistanceOptions {
  Distance kind = Distance::euclidean;
  bool normalize = false;    ///< L2-normalise rows first, as PML's distances do by default. Heads of diva are normalised already.
  double power = 1;          ///< The distance is raised to it; > 0. PML's `power`.
  double p = 2;              ///< Of lp; ≥ 1.
  double curvature = 0.1;    ///< c of hyperbolic; > 0. The default is that of the hyperbolic metric learning code.
  double clip_radius = 2.3;  ///< Of hyperbolic: longer rows are shortened to it before the exponential map; > 0.
};

template <class Visitor>
void describe(DistanceOptions& options, Visitor&& visit) {
  visit("kind", options.kind, "what far means", any_value);
  visit("normalize", options.normalize, "L2-normalise rows first", any_value);
  visit("power", options.power, "the distance is raised to it", positive);
  visit("p", options.p, "of lp", at_least(1));
  visit("curvature", options.curvature, "of hyperbolic", positive);
  visit("clip_radius", options.clip_radius, "of hyperbolic: longer rows are shortened to it", positive);
}

/// Distance of each row of `a` to the same row of `b`, from the differences themselves, so exact for close rows.
///
/// Shapes:  a, b [N, D] floating point, equal types -> [N].
/// Edge:    equal rows: 0, with a gradient of zeros (the Euclidean distance has none there). A row of zeros has cosine distance 1.
///          NaN passes through.
/// Cost:    O(N·D) time and memory. Gradient reaches a and b.
/// Throws:  ShapeError when the shapes differ.
torch::Tensor distance(const torch::Tensor& a, const torch::Tensor& b, Distance kind = Distance::euclidean);
torch::Tensor distance(const torch::Tensor& a, const torch::Tensor& b, const DistanceOptions& options);

/// Distance of every row of `a` to every row of `b`, by one matrix product.
///
///   ‖a−b‖² = ‖a‖² + ‖b‖² − 2 a·b, clamped at 0
///
/// Shapes:  a [A, D], b [B, D] -> [A, B].
/// Edge:    as `distance`, except that cancellation leaves an error of about 4·ε·(‖a‖² + ‖b‖²) in the square: equal rows of unit
///          length come out below 0.001 in float32, not exactly 0. Give the same tensor as `a` and `b` and the diagonal is exactly
///          0.
/// Cost:    O(A·B·D) time, O(A·B) memory. Gradient reaches a and b.
/// Throws:  ShapeError when D differs.
///
///   snr:         var(a−b)/var(a) from the products of rows about their own mean
///   hyperbolic:  arcosh(1 + 2c‖x−y‖² / ((1−c‖x‖²)(1−c‖y‖²))) / √c with x = tanh(√c‖a‖)·a/(√c‖a‖); Ermolov et al., CVPR 2022
///   lp:          p = 2 as Euclidean; others by torch's cdist, without a matrix product
torch::Tensor pairwise_distances(const torch::Tensor& a, const torch::Tensor& b, Distance kind = Distance::euclidean);
torch::Tensor pairwise_distances(const torch::Tensor& a, const torch::Tensor& b, const DistanceOptions& options);

/// Similarity of every row of `a` to every row of `b`, larger is nearer: the cosine, the dot product, or for other kinds minus the
/// distance, as PML's losses take it. With a `power` the sign is kept outside it.
torch::Tensor pairwise_similarities(const torch::Tensor& a, const torch::Tensor& b, const DistanceOptions& options);

/// The kinds with their formulas, for documentation.
std::vector<Listing> distance_listings();

}  // namespace diva::inline v0_1
