#pragma once

#include <diva/core/options.hpp>
#include <diva/distances/distance.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/reducer.hpp>

namespace diva::inline v0_1 {

struct RankedListLossOptions {
  double margin = 0.4;               ///< m between the ball of positives and the negatives; ≥ 0.
  double boundary = 1.2;             ///< α: negatives nearer than this are pushed; ≥ 0. PML's default is 1 + margin/2.
  double negative_temperature = 10;  ///< T_n: how much more a nearer negative weighs; ≥ 0.
  double positive_temperature = 0;   ///< T_p: how much more a farther positive weighs; ≥ 0.
  double balance = 0.5;              ///< λ: share of the negatives; in [0, 1].
  /// `pml`: weights are divided by Σ(w + 1e-5), which dilutes them in large batches, and a negative at distance 0 is not pushed.
  Variant variant = Variant::fixed;
  DistanceOptions distance = {};
  ReducerOptions reducer = {};  ///< Over anchors that have a pair.
};

template <class Visitor>
void describe(RankedListLossOptions& options, Visitor&& visit) {
  visit("margin", options.margin, "between the ball of positives and the negatives", non_negative);
  visit("boundary", options.boundary, "α: negatives nearer than this are pushed", non_negative);
  visit("negative_temperature", options.negative_temperature, "how much more a nearer negative weighs", non_negative);
  visit("positive_temperature", options.positive_temperature, "how much more a farther positive weighs", non_negative);
  visit("balance", options.balance, "λ: share of the negatives", between(0, 1));
  visit("variant", options.variant, "pml: weights divided by the sum of w + 1e-5", any_value);
  visit("distance", options.distance, "between the two of a pair", any_value);
  visit("reducer", options.reducer, "over anchors that have a pair", any_value);
}

/// Positives of an anchor into a ball, negatives out of a larger one; of those on the wrong side the worse ones weigh more.
///
///   L = reduce_a ( (1 − λ) Σ_p w_ap v_ap / Σ_p w_ap + λ Σ_n w_an v_an / Σ_n w_an ),   over v > 0 only,
///   v_ap = D_ap − (α − m),   v_an = α − D_an,   w = exp(T v)
///
/// Source:  Wang et al., Ranked List Loss for Deep Metric Learning, CVPR 2019, eq. 3 to 8; arXiv 1903.03238.
///          pytorch-metric-learning 2.8.1, RankedListLoss.
/// Differs: from PML see `variant`; exponentials cannot overflow here. The gradient is that of L, weights included.
/// Shapes:  embeddings [B, D]; labels [B] int64; tuples, a relation and a reference -> scalar.
/// Edge:    no pair on the wrong side: 0. Limit: all embeddings equal: λ α, if α ≥ m.
/// Cost:    that of pairwise_loss. Gradient reaches embeddings and reference.
class RankedListLoss final : public Loss {
 public:
  explicit RankedListLoss(const RankedListLossOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "ranked_list"; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;

  RankedListLossOptions options_;
};

}  // namespace diva::inline v0_1
