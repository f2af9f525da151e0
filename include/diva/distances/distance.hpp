#pragma once

#include <torch/types.h>

#include <array>
#include <utility>

namespace diva {

/// What "far" means.
enum class Distance {
  euclidean,          ///< ‖a−b‖, in [0, 2] on the unit sphere.
  squared_euclidean,  ///< ‖a−b‖², in [0, 4] on the unit sphere.
  cosine,             ///< 1 − a·b/(‖a‖‖b‖), in [0, 2]; half the squared Euclidean distance on the unit sphere.
};

constexpr auto enumerators(Distance) {
  return std::array{std::pair{Distance::euclidean, "euclidean"}, std::pair{Distance::squared_euclidean, "squared_euclidean"},
                    std::pair{Distance::cosine, "cosine"}};
}

/// Distance of each row of `a` to the same row of `b`, from the differences themselves, so exact for close rows.
///
/// Shapes:  a, b [N, D] floating point, equal types -> [N].
/// Edge:    equal rows: 0, with a gradient of zeros (the Euclidean distance has none there). A row of zeros has cosine distance 1.
///          NaN passes through.
/// Cost:    O(N·D) time and memory. Gradient reaches a and b.
/// Throws:  ShapeError when the shapes differ.
torch::Tensor distance(const torch::Tensor& a, const torch::Tensor& b, Distance kind = Distance::euclidean);

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
torch::Tensor pairwise_distances(const torch::Tensor& a, const torch::Tensor& b, Distance kind = Distance::euclidean);

}  // namespace diva
