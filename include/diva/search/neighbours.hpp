#pragma once

#include <torch/types.h>
#include <diva/core/options.hpp>

#include <cstdint>

namespace diva {

/// What "near" means; the distance that goes with it is what Neighbours::distances holds, smaller is nearer.
enum class Similarity {
  euclidean,  ///< |x − y|, not squared.
  cosine,     ///< 1 − x·y / (|x| |y|), in [0, 2].
  dot,        ///< −x·y.
};

constexpr auto enumerators(Similarity) {
  return std::array{std::pair{Similarity::euclidean, "euclidean"}, std::pair{Similarity::cosine, "cosine"},
                    std::pair{Similarity::dot, "dot"}};
}

/// Row q lists the neighbours of query q, the nearest first. Where fewer than k are left, index −1 and distance +∞ fill the row.
struct Neighbours {
  torch::Tensor indices;    ///< [Q, k] int64: rows of the gallery.
  torch::Tensor distances;  ///< [Q, k], of the type of the features (float32 for the 16-bit types).
};

struct NeighbourOptions {
  Similarity similarity = Similarity::euclidean;
  /// Rows of one tile of products; fewer are taken where k is so large that the lists of a tile would not fit in 64 MiB.
  std::int64_t query_tile = 1024;
  std::int64_t gallery_tile = 2048;  ///< Columns of a tile. Neither tile size changes the result.
};

template <class Visitor>
void describe(NeighbourOptions& options, Visitor&& visit) {
  visit("similarity", options.similarity, "what near means");
  visit("query_tile", options.query_tile, "queries of one tile of products", at_least(1));
  visit("gallery_tile", options.gallery_tile, "gallery rows of one tile of products", at_least(1));
}

/// The k nearest rows of the gallery for each query, exact, for any k.
///
///   indices[q] = the first k of { j : gallery_ids[j] ≠ query_ids[q] } ordered by (distance(q, j), j)
///
/// The order is that of distances summed directly, Σ (x_i − y_i)² or Σ x_i y_i, in double; rounding to the result's type comes
/// after. So equal rows stand in the order of their indices, and neighbours that differ in the last bit stand in the right order.
///
/// How: tiles of queries × gallery go through one matrix product in the features' own type, and the scores s that come out only
/// exclude. With rows a = x − c and b = y − c about the gallery's mean c (subtracting a constant keeps distances, and keeps a
/// common offset from drowning them), s = |b|² − 2 a·b differs from its true value by at most
///
///   e = γ_n (2 |a| |b| + |b|²),   γ_n = n u / (1 − n u),   n = D + 8,   u = 2⁻²⁴ (float32) or 2⁻⁵³ (float64),
///
/// because a sum of D products carries a relative error of at most γ_D whatever the order of summation (Higham, Accuracy and
/// Stability of Numerical Algorithms, 2002, section 3.1), and the remaining 8 u cover the rounding of a, b, |b|², their difference
/// and the threshold. Cosine and dot have e = γ_n |b| with a scaled to length 1. Let S be the k-th smallest score. A row whose
/// score exceeds S + 2e is farther than k others, so it is dropped; every other is measured directly. A query that has too many
/// rows within 2e of S to hold (thousands of near-duplicates) measures them at once and keeps its k nearest.
///
/// Source:  the identity is folklore; the exclusion test is this library's.
/// Shapes:  queries [Q, D], gallery [N, D], of one type and on one device; ids [Q] and [N] int64 -> [Q, k] each.
///          16-bit features are converted to float32. float64 is computed in float64.
/// Edge:    k beyond what is left: −1 and +∞. No ids: nothing is excluded. Ids of one side only: OptionError.
/// Cost:    O(Q N D) time at the speed of the matrix product, O(tile + Q k) memory; k ≈ N adds O(Q N D) direct measurements.
///          On CUDA the work stays on the device as one product and one top-k a tile; the candidates that are then measured
///          directly are the k + 16 of the smallest scores, without the test above, and dot products of the device must not be set
///          to TF32.
/// Throws:  ShapeError (shapes, types, devices), OptionError (k < 1), DataError (NaN or infinite features, rows whose squared
/// length
///          overflows, rows of length 0 under cosine, which have no direction).
Neighbours nearest_neighbours(const torch::Tensor& queries, const torch::Tensor& gallery, std::int64_t k,
                              const torch::Tensor& query_ids = {}, const torch::Tensor& gallery_ids = {},
                              const NeighbourOptions& options = {});

/// Each row against all others: the gallery is the queries, and a row is never its own neighbour (an equal row is).
Neighbours nearest_neighbours(const torch::Tensor& features, std::int64_t k, const NeighbourOptions& options = {});

}  // namespace diva
