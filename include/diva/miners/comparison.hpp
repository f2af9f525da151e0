#pragma once

#include <torch/types.h>
#include <diva/miners/tuples.hpp>

#include <optional>
#include <string_view>

namespace diva::inline v0_1 {

/// Whom the anchors are compared with, where not with one another: another view, proxies, a memory.
struct Reference {
  torch::Tensor embeddings;   ///< [R, D], of the type and on the device of the batch.
  torch::Tensor labels = {};  ///< [R] int64; may be undefined where tuples or a relation are given.
};

/// A batch and what it is compared with: what miners choose from and criteria measure.
struct Comparison {
  torch::Tensor embeddings;                 ///< [B, D] floating point: the anchors.
  torch::Tensor labels = {};                ///< [B] int64; may be undefined where a relation is given.
  std::optional<Reference> reference = {};  ///< Without one the batch itself, and then no sample is a pair with itself.
  std::optional<Relation> relation = {};    ///< Without one equal labels are positive and others negative.

  [[nodiscard]] const torch::Tensor& reference_embeddings() const { return reference ? reference->embeddings : embeddings; }
  [[nodiscard]] const torch::Tensor& reference_labels() const { return reference ? reference->labels : labels; }
  [[nodiscard]] std::int64_t size() const { return embeddings.size(0); }
  [[nodiscard]] std::int64_t reference_size() const { return reference_embeddings().size(0); }
};

/// All triplets (a, p, n) of a positive and a negative pair of one anchor, ordered by a, p, n.
///
/// Shapes:  T = Σ_a positives(a)·negatives(a) indices, which grows with B³ when classes grow with the batch. Weights of a relation
///          are not kept.
/// Throws: ShapeError; DataError when T exceeds 2^27 (3 GiB of indices): mine instead.
Triplets all_triplets(const Comparison& comparison);
Triplets all_triplets(const torch::Tensor& labels);  ///< Of a batch with itself, from its labels alone.

/// All ordered pairs, positive ones apart from negative ones, ordered by anchor.
///
/// Shapes:  P + N ≤ B·R.
/// Cost:    O(B·R).
Pairs all_pairs(const Comparison& comparison);
Pairs all_pairs(const torch::Tensor& labels);

namespace detail {

/// Shapes, types and devices of a comparison. Labels are needed where there is no relation, or where `needs_labels`.
void check_comparison(std::string_view function, const Comparison& comparison, bool needs_labels = false,
                      std::int64_t num_classes = -1);

/// The relation of the anchors [first, first + count) to all references, both sides defined, [count, R]: bool, or the user's
/// weights. The pair of a sample with itself is in neither where the reference is the batch.
Relation relation_rows(const Comparison& comparison, std::int64_t first, std::int64_t count);
inline Relation relation_rows(const Comparison& comparison) { return relation_rows(comparison, 0, comparison.size()); }

/// The same for the pairs that occur in triplets or pairs, as bool; of those that occur more than once, once. For a relation or
/// nothing that of the comparison.
Relation relation_rows(const Comparison& comparison, const Tuples& tuples, std::int64_t first, std::int64_t count);

}  // namespace detail
}  // namespace diva::inline v0_1
