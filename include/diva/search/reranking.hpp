#pragma once

#include <torch/types.h>
#include <diva/core/options.hpp>
#include <diva/search/neighbours.hpp>

#include <cstdint>

namespace diva::inline v0_1 {

struct RerankingOptions {
  std::int64_t k1 = 20;  ///< Neighbours of which the reciprocal ones describe a row.
  std::int64_t k2 = 6;   ///< Rows, itself first, whose descriptions are averaged; 1: none but its own.
  double lambda = 0.3;   ///< λ in [0, 1]: weight of the original distance beside the Jaccard distance.
  Variant variant = Variant::fixed;
};

template <class Visitor>
void describe(RerankingOptions& options, Visitor&& visit) {
  visit("k1", options.k1, "neighbours of which the reciprocal ones describe a row", at_least(1));
  visit("k2", options.k2, "rows whose descriptions are averaged", at_least(1));
  visit("lambda", options.lambda, "λ: weight of the original distance", between(0, 1));
  visit("variant", options.variant, "fixed and paper: the paper's formulas; repo: the reference code's");
}

/// The k nearest rows of the gallery by k-reciprocal re-ranking: two rows are near when they have the same mutual neighbours.
///
///   N(p, k)  = p and its k nearest others among queries and gallery     R(p, k) = { g ∈ N(p, k) : p ∈ N(g, k) }
///   R*(p)    = R(p, k1) ∪ { R(q, k1/2) : q ∈ R(p, k1), |R(p, k1) ∩ R(q, k1/2)| ≥ 2/3 |R(q, k1/2)| }
///   V(p, g)  = exp(−d(p, g)) for g ∈ R*(p), otherwise 0;   V is then averaged over the first k2 of N(p, k1)
///   d_J(p, g) = 1 − Σ min(V(p, ·), V(g, ·)) / Σ max(V(p, ·), V(g, ·))
///   d*(p, g)  = (1 − λ) d_J + λ d,   d(p, g) = |p − g|²;   Neighbours::distances holds d*
///
/// How: V is sparse. A row that shares no neighbour with the query has d_J = 1, so the k first are among those that share one,
/// found by an inverted index, and the k nearest by d; only for these is anything computed. The result is that of all N distances.
///
/// Source:  Zhong, Zheng, Cao, Li, Re-ranking Person Re-identification with k-reciprocal Encoding, CVPR 2017, eq. 1-12; arXiv
///          1701.08398. Reference code: zhunzhong07/person-re-ranking.
/// Differs: p is always the first of N(p, k), also where a row equal to p stands before it. `repo` does as the reference code:
///          > instead of ≥, V divided by its sum, and d divided by the largest d of p to any query or gallery row. k1/2 is
///          rounded, half to even.
/// Shapes:  queries [Q, D], gallery [N, D] of one floating type and on one device -> [Q, k] each, there; the sets are made on the
///          CPU. ids [Q] and [N] int64 keep gallery rows of the query's id out of its list; they remain in the neighbourhoods.
/// Edge:    k beyond what is left: −1 and +∞. λ = 1: the order of nearest_neighbours.
/// Cost:    that of nearest_neighbours among Q + N rows, and O((Q + N) k1 k2 (k1 + D)) for rows that share few neighbours; memory
///          O((Q + N) k1 k2). `repo` adds one search for the farthest rows, in float64.
/// Throws:  OptionError (k < 1, options, ids of one side only), ShapeError, DataError (as nearest_neighbours).
Neighbours rerank_k_reciprocal(const torch::Tensor& queries, const torch::Tensor& gallery, std::int64_t k,
                               const torch::Tensor& query_ids = {}, const torch::Tensor& gallery_ids = {},
                               const RerankingOptions& options = {});

/// Each row against all others: the gallery is the queries, which count once in the neighbourhoods, and no row is its own result.
Neighbours rerank_k_reciprocal(const torch::Tensor& features, std::int64_t k, const RerankingOptions& options = {});

}  // namespace diva::inline v0_1
