#pragma once

#include <torch/types.h>

#include <variant>

namespace diva {

/// T triplets: int64 indices [T] of anchor, positive and negative. What a positive is lies with the miner; the criterion only pulls
/// positives and pushes negatives.
struct Triplets {
  torch::Tensor anchors;
  torch::Tensor positives;
  torch::Tensor negatives;

  [[nodiscard]] std::int64_t size() const { return anchors.defined() ? anchors.size(0) : 0; }
};

/// Positive pairs (anchors, positives) of [P] and, apart from them, negative pairs (negative_anchors, negatives) of [N].
struct Pairs {
  torch::Tensor anchors;
  torch::Tensor positives;
  torch::Tensor negative_anchors;
  torch::Tensor negatives;
};

/// What a criterion is given: triplets, pairs, or nothing, which means all that the labels allow.
using Tuples = std::variant<std::monostate, Triplets, Pairs>;

/// All triplets (a, p, n) with label(a) = label(p) ≠ label(n) and a ≠ p, ordered by a, p, n.
///
/// Shapes: labels [B] int64 -> T = Σ_a positives(a)·negatives(a) indices, which grows with B³ when classes grow with the batch.
/// Throws: DataError when T exceeds 2^27 (3 GiB of indices): mine instead.
Triplets all_triplets(const torch::Tensor& labels);

/// All ordered pairs: positive where the labels agree (a ≠ p), negative elsewhere; ordered by anchor.
///
/// Shapes: labels [B] int64 -> P + N = B·(B−1). Cost: O(B²).
Pairs all_pairs(const torch::Tensor& labels);

namespace detail {

/// Label relations of a batch, [B, B] bool each: same class but not itself; another class.
struct Relations {
  torch::Tensor positive;
  torch::Tensor negative;
};
Relations relations(const torch::Tensor& labels);

/// One column for each row of non-negative weights [R, C], with chance weight / Σ row, from uniform numbers [R] by inversion of the
/// cumulative sum. A row without weight gives column 0: leave such rows out.
torch::Tensor draw_columns(const torch::Tensor& weights, const torch::Tensor& uniform);

/// Rows of the batch that have both, as indices.
torch::Tensor anchors_with(const torch::Tensor& positive, const torch::Tensor& negative);

/// Embeddings without their graph, and in float32 at least: miners compute probabilities.
torch::Tensor for_mining(const torch::Tensor& embeddings);

}  // namespace detail
}  // namespace diva
