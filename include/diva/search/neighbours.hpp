#pragma once

#include <torch/types.h>
#include <diva/core/options.hpp>

#include <cstdint>
#include <functional>

namespace diva::inline v0_1 {

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
  /// At most so many rows in a tile of products; on a CPU fewer, such that a tile stays in the caches.
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
/// How: rows are rounded to integers of 8 and of 16 bits; products of the first exclude most pairs, products of the second most of
/// those that pass, and what is left is measured in double. About the gallery's mean c, a = x − c and b = y − c (of rows of length
/// 1 under cosine; dot takes c = 0), both turned by one rotation that evens out their coordinates, the squared distance is D = |a|²
/// + |b|² − 2 a·b, and a = w p + δ with integers p and a scale w. By Cauchy and Schwarz, whatever the data,
///
///   |a·b − w_a w_b p_a·p_b| = |δ_a·b + w_a p_a·δ_b| ≤ |δ_a| |b| + (|a| + |δ_a|) |δ_b|,
///
/// where |δ| is measured, not estimated, and p_a·p_b is exact in int32. Let L be the k-th smallest distance that was measured so
/// far, taken to the end of what rounds to it: a pair is excluded where D of the codes exceeds L² by more than twice this bound and
/// what single precision does to that sum, some 2⁻²¹ (2 |a| |b| + |a|² + |b|²). A list keeps distances rounded to the result's
/// type; where some of them are equal, they are measured again to be put in order. At first, L is a guess from the distances seen
/// so far, taken in an order that samples the gallery evenly; a guess below the final L is found out, and the query searched again
/// without one. Where queries and gallery are one tensor, a product serves both of its rows: half the products.
///
/// On a CPU the first products are those of AVX-512 VNNI (8 bits, or 16 where so many pairs pass that 8 do not pay), AVX2 (16 bits)
/// or plain code (16 bits), chosen as the program runs; the result is the same bits on all, and for every number of threads.
///
/// Source:  the identity is folklore; excluding by rounded products is that of Weber, Schek and Blott (VLDB 1998, the VA-file), the
///          bounds are this library's.
/// Shapes:  queries [Q, D], gallery [N, D], of one type and on one device; ids [Q] and [N] int64 -> [Q, k] each.
///          16-bit features are converted to float32. float64 is computed in float64.
/// Edge:    k beyond what is left: −1 and +∞. No ids: nothing is excluded. Ids of one side only: OptionError. Ids need not be those
///          of samples: the id of a sequence on both sides keeps all frames of a query's own sequence out of its list.
/// Cost:    O(Q N D) time at the speed of integer products, half where the gallery is the queries, and some k measurements in
///          double a query. Memory beyond the result: 3 N D bytes of codes (2 N D where there are none of 8 bits) and lists of 10 k
///          + 256 bytes a query (20 k + 512 in float64), of as many queries at a time as 640 MiB hold. On CUDA the work stays on
///          the device as one product and one top-k a tile; the candidates that are then measured directly are the k + 16 of the
///          smallest scores, without the tests above, and dot products of the device must not be set to TF32.
/// Throws:  ShapeError (shapes, types, devices), OptionError (k < 1), DataError (NaN or infinite features, rows whose squared
///          length overflows, rows of length 0 under cosine, which have no direction).
Neighbours nearest_neighbours(const torch::Tensor& queries, const torch::Tensor& gallery, std::int64_t k,
                              const torch::Tensor& query_ids = {}, const torch::Tensor& gallery_ids = {},
                              const NeighbourOptions& options = {});

/// Each row against all others: the gallery is the queries, and a row is never its own neighbour (an equal row is).
Neighbours nearest_neighbours(const torch::Tensor& features, std::int64_t k, const NeighbourOptions& options = {});

/// Gets the neighbours of the queries `rows` [n] int64, in this order.
using NeighbourVisitor = std::function<void(const torch::Tensor& rows, const Neighbours& found)>;

/// nearest_neighbours for lists that need not be kept: hands them over block by block, each query once and in no particular order,
/// one block at a time. The same lists; a self-search (queries and gallery one tensor) still halves the products, which calls of
/// nearest_neighbours for parts of the queries would not.
///
/// Shapes:  rows [n] int64 and found of n rows, on the device of the features; n k ≤ 2²², or n = 1.
/// Cost:    as nearest_neighbours; of the result no more than a block is held.
/// Throws:  as nearest_neighbours, and whatever `visit` throws.
void visit_neighbours(const torch::Tensor& queries, const torch::Tensor& gallery, std::int64_t k, const NeighbourVisitor& visit,
                      const torch::Tensor& query_ids = {}, const torch::Tensor& gallery_ids = {},
                      const NeighbourOptions& options = {});

}  // namespace diva::inline v0_1
