#pragma once

#include <diva/core/options.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/reducer.hpp>

namespace diva::inline v0_1 {

struct RecallSurrogateLossOptions {
  std::vector<std::int64_t> k = {1, 2, 4, 8, 16};  ///< The k of recall@k that are averaged; each ≥ 1, at least one.
  double temperature = 0.01;                       ///< τ₂ of the sigmoid that ranks; > 0.
  double rank_temperature = 1;                     ///< τ₁ of the sigmoid that compares ranks with k; > 0.
  /// `paper`: the recall is divided by N⁺ and not bounded; `repo`: the anchor itself, at similarity 1, takes a place in its
  /// ranking.
  Variant variant = Variant::fixed;
  ReducerOptions reducer = {};  ///< Over anchors that have a positive.
};

template <class Visitor>
void describe(RecallSurrogateLossOptions& options, Visitor&& visit) {
  visit("k", options.k, "the k of recall@k that are averaged", at_least(1));
  visit("temperature", options.temperature, "τ₂ of the sigmoid that ranks", positive);
  visit("rank_temperature", options.rank_temperature, "τ₁ of the sigmoid that compares ranks with k", positive);
  visit("variant", options.variant, "paper: divided by all positives; repo: the anchor takes a place in its ranking", any_value);
  visit("reducer", options.reducer, "over anchors that have a positive", any_value);
}

/// RS@k: one minus recall@k, with a sigmoid for "nearer than" and another for "among the first k".
///
///   L = reduce_a 1/|K| Σ_k ( 1 − min( Σ_p σ( (k − r_ap) / τ₁ ), k ) / min(k, N⁺) ),   r_ap = 1 + Σ_(j ≠ p) σ( (s_aj − s_ap) / τ₂ )
///
/// Source:  Patel et al., Recall@k Surrogate Loss with Large Batches and Similarity Mixup, CVPR 2022, eq. 5 and 6; arXiv
///          2108.11179. Reference code: yash0307/RecallatK_surrogate, src/losses.py.
/// Differs: that code wants classes of equal size and ranks the anchor with the rest, so that no positive has rank 1; `variant`
///          does the latter. Its batches of thousands are what GradCache is for.
/// Shapes:  embeddings [B, D]; labels [B] int64; tuples, a relation and a reference -> scalar.
/// Edge:    an anchor without a positive is left out; none has one: 0. One positive before all negatives: 1 − mean σ((k − 1)/τ₁).
/// Cost:    O(P·R) time for P positive pairs; memory that of pairwise_loss. Gradient reaches embeddings and reference.
/// Throws:  OptionError when k is empty.
class RecallSurrogateLoss final : public Loss {
 public:
  explicit RecallSurrogateLoss(const RecallSurrogateLossOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "recall_surrogate"; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;

  RecallSurrogateLossOptions options_;
};

}  // namespace diva::inline v0_1
