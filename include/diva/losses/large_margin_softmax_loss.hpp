#pragma once

#include <diva/losses/proxy_loss.hpp>

namespace diva::inline v0_1 {

struct LargeMarginSoftmaxLossOptions {
  std::int64_t margin = 4;                               ///< m: the angle to the own class counts m times; ≥ 1.
  double scale = 1;                                      ///< Of the logits; > 0.
  bool weight_norms = true;                              ///< Logits grow with the length of the class's weights; false: SphereFace.
  ProxyOptions proxies = {.start = ProxyStart::normal};  ///< Class weights.
  ReducerOptions reducer = {};                           ///< Over samples.
};

template <class Visitor>
void describe(LargeMarginSoftmaxLossOptions& options, Visitor&& visit) {
  visit("margin", options.margin, "how many times the angle to the own class counts", at_least(1));
  visit("scale", options.scale, "factor of the logits", positive);
  visit("weight_norms", options.weight_norms, "logits grow with the length of class weights; false: SphereFace", any_value);
  visit("proxies", options.proxies, "class weights", any_value);
  visit("reducer", options.reducer, "over samples", any_value);
}

/// Classification in which the angle to the own class counts m times: L-Softmax, and SphereFace (A-Softmax) without the length of
/// the weights.
///
///   L = reduce_i −log softmax_c( s·‖x_i‖‖w_c‖·cos θ_ic, but ψ(θ_iy) in place of cos θ_iy )[y_i],   reduce = mean
///   ψ(θ) = (−1)^k cos(mθ) − 2k   for θ in [kπ/m, (k+1)π/m]
///
/// Embeddings are not normalised: with heads of length 1 the logits lie in [−s‖w‖, s‖w‖], so choose a larger s.
///
/// Source:  Liu et al., Large-Margin Softmax Loss, ICML 2016, eq. 4 to 6; arXiv 1612.02295. Liu et al., SphereFace, CVPR 2017, eq.
///          7; arXiv 1704.08063. Reference: PML's LargeMarginSoftmaxLoss and SphereFaceLoss.
/// Differs: cos(mθ) is the Chebyshev polynomial T_m(cos θ) by its recurrence; PML sums eq. 7's powers and takes k from arc cosines.
/// Shapes:  embeddings [B, D]; labels [B] int64 in [0, num_classes) -> scalar.
/// Edge:    one class: 0. Limit: m = 1: the ordinary softmax without bias; embeddings of zeros: log C.
/// Cost:    that of ProxyLoss. Gradient reaches embeddings and proxies.
class LargeMarginSoftmaxLoss final : public ProxyLoss {
 public:
  LargeMarginSoftmaxLoss(const LargeMarginSoftmaxLossOptions& options, std::int64_t num_classes, std::int64_t embed_dim,
                         Generator& generator);
  [[nodiscard]] std::string_view name() const override { return options_.weight_norms ? "large_margin_softmax" : "sphereface"; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;
  [[nodiscard]] torch::Tensor scores(const torch::Tensor& embeddings, const torch::Tensor& rows) const override;

  LargeMarginSoftmaxLossOptions options_;
};

}  // namespace diva::inline v0_1
