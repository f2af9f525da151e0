#pragma once

#include <diva/core/options.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/reducer.hpp>

namespace diva::inline v0_1 {

struct SmoothApLossOptions {
  double temperature = 0.01;  ///< τ of the sigmoid; > 0.
  /// `repo` and `pml`: the anchor itself, at similarity 1, is one of its positives and stands in its own ranking.
  Variant variant = Variant::fixed;
  ReducerOptions reducer = {};  ///< Over anchors that have a positive.
};

template <class Visitor>
void describe(SmoothApLossOptions& options, Visitor&& visit) {
  visit("temperature", options.temperature, "τ of the sigmoid that counts", positive);
  visit("variant", options.variant, "repo, pml: the anchor itself is one of its positives", any_value);
  visit("reducer", options.reducer, "over anchors that have a positive", any_value);
}

/// One minus the average precision of each anchor's ranking, with sigmoids in place of steps.
///
///   L = reduce_a ( 1 − 1/N⁺ Σ_p (1 + c⁺_ap) / (1 + c⁺_ap + c⁻_ap) ),   c± = soft_counts of the other positives, of the negatives,
///   of cosine similarities
///
/// Source:  Brown et al., Smooth-AP, ECCV 2020, eq. 7; arXiv 2007.12163. Reference code: Andrew-Brown1/Smooth_AP, src/Smooth_AP.py;
///          SmoothAPLoss of pytorch-metric-learning.
/// Differs: the reference codes rank the anchor with the rest and want classes of equal size; the equation does neither, and nor do
///          we (see `variant`).
/// Shapes:  embeddings [B, D]; labels [B] int64; tuples, a relation and a reference -> scalar.
/// Edge:    an anchor without a positive is left out; none has one: 0. Limit: all positives before all negatives: 0.
/// Cost:    O(P·R) time for P positive pairs; memory that of pairwise_loss. Gradient reaches embeddings and reference.
class SmoothApLoss final : public Loss {
 public:
  explicit SmoothApLoss(const SmoothApLossOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "smooth_ap"; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;

  SmoothApLossOptions options_;
};

}  // namespace diva::inline v0_1
