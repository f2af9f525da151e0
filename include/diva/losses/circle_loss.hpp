#pragma once

#include <diva/core/options.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/reducer.hpp>

namespace diva::inline v0_1 {

struct CircleLossOptions {
  double margin = 0.4;                                          ///< m: radius of the decision boundary; the paper's for retrieval.
  double scale = 80;                                            ///< γ: sharpness; > 0. The paper's for retrieval; 256 for faces.
  ReducerOptions reducer = {.kind = Reduction::non_zero_mean};  ///< Over anchors.
};

template <class Visitor>
void describe(CircleLossOptions& options, Visitor&& visit) {
  visit("margin", options.margin, "m: radius of the decision boundary", any_value);
  visit("scale", options.scale, "γ: sharpness", positive);
  visit("reducer", options.reducer, "over anchors", any_value);
}

/// Each pair pulled by as much as it is away from its optimum, with a circle as the decision boundary.
///
///   L = reduce_a log( 1 + Σ_p exp(−γ [1 + m − s_ap]₊ (s_ap − 1 + m)) · Σ_n exp(γ [s_an + m]₊ (s_an − m)) ),   s the cosine
///
/// The weights [ · ]₊ are constants in the gradient, by the paper's definition: they pace, and are not to be lowered themselves.
///
/// Source:  Sun et al., Circle Loss, CVPR 2020, eq. 6; arXiv 2002.10857. Reference: PML's CircleLoss, for labels of pairs.
/// Differs: nothing known.
/// Shapes:  embeddings [B, D]; labels [B] int64; pairs or triplets -> scalar.
/// Edge:    an anchor without a positive or without a negative does not count; none: 0.
/// Cost:    that of pairwise_loss. Gradient reaches embeddings.
class CircleLoss final : public Loss {
 public:
  explicit CircleLoss(const CircleLossOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "circle"; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;

  CircleLossOptions options_;
};

}  // namespace diva::inline v0_1
