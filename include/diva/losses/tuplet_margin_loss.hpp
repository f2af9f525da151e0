#pragma once

#include <diva/core/options.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/reducer.hpp>

namespace diva::inline v0_1 {

struct TupletMarginLossOptions {
  double margin = 5.73;         ///< β in degrees (0.1 rad): by how much the angle of a positive may exceed that of negatives.
  double scale = 64;            ///< s: sharpness; > 0.
  ReducerOptions reducer = {};  ///< Over positive pairs.
};

template <class Visitor>
void describe(TupletMarginLossOptions& options, Visitor&& visit) {
  visit("margin", options.margin, "slack of the angle of positives, in degrees", between(0, 180));
  visit("scale", options.scale, "sharpness", positive);
  visit("reducer", options.reducer, "over positive pairs", any_value);
}

/// The cross entropy of a positive among negatives on the sphere, with slack for the positive so that easy ones do not overfit.
///
///   L = reduce_(a,p) log( 1 + Σ_n exp(s (cos θ_an − cos(θ_ap − β))) ),   reduce = mean
///
/// Source:  Yu and Tao, Deep Metric Learning with Tuplet Margin Loss, ICCV 2019, eq. 5. Reference: PML's TupletMarginLoss, which
///          like this has not the paper's second term; add IntraPairVarianceLoss for that.
/// Differs: cos(θ − β) is cos θ cos β + sin θ sin β with a gradient of 0 for sin θ at θ = 0, where PML's is infinite.
/// Shapes:  embeddings [B, D]; labels [B] int64; pairs or triplets -> scalar.
/// Edge:    no positive pair, or no negative: 0. All embeddings equal: log(1 + negatives · exp(s (1 − cos β))).
/// Cost:    that of pairwise_loss. Gradient reaches embeddings.
class TupletMarginLoss final : public Loss {
 public:
  explicit TupletMarginLoss(const TupletMarginLossOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "tuplet_margin"; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;

  TupletMarginLossOptions options_;
};

}  // namespace diva::inline v0_1
