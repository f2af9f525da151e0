#pragma once

#include <torch/types.h>

#include <variant>

namespace diva::inline v0_1 {

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

/// Which pairs (i, j) of anchors i and references j are positive and which negative: bool [B, R], or weights ≥ 0 of a floating type
/// that multiply what the pair contributes. A pair that is neither is left out. `negative` may be left undefined: all that are not
/// positive. For labels that are sets, graphs or grades rather than classes: see relation.hpp.
struct Relation {
  torch::Tensor positive;
  torch::Tensor negative = {};
};

/// What a criterion is given: triplets, pairs, a relation, or nothing, which means all pairs that the labels allow. Anchors index
/// the batch; positives and negatives index the reference where there is one, otherwise the batch.
using Tuples = std::variant<std::monostate, Triplets, Pairs, Relation>;

namespace detail {

/// One column for each row of non-negative weights [R, C], with chance weight / Σ row, from uniform numbers [R] by inversion of the
/// cumulative sum. A row without weight gives column 0: leave such rows out.
torch::Tensor draw_columns(const torch::Tensor& weights, const torch::Tensor& uniform);

/// Embeddings without their graph, and in float32 at least: miners compute probabilities.
torch::Tensor for_mining(const torch::Tensor& embeddings);

}  // namespace detail
}  // namespace diva::inline v0_1
