#pragma once

#include <diva/losses/proxy_loss.hpp>

namespace diva::inline v0_1 {

struct P2SGradLossOptions {
  /// `pml`: the gradient of the class weights is that of their unit vectors, as in PML, which brings them back to length
  /// 1/(1 + 1e-7) at each call; `fixed`: that of the weights, orthogonal to them.
  Variant variant = Variant::fixed;
  ProxyOptions proxies = {.start = ProxyStart::sphere};  ///< Class weights.
  ReducerOptions reducer = {};                           ///< Over samples.
};

template <class Visitor>
void describe(P2SGradLossOptions& options, Visitor&& visit) {
  visit("variant", options.variant, "pml: gradient of the class weights as if of their unit vectors", any_value);
  visit("proxies", options.proxies, "class weights", any_value);
  visit("reducer", options.reducer, "over samples", any_value);
}

/// Cosines to class weights against one-hot targets, squared: without margin or scale to choose.
///
///   L = reduce_i 1/C Σ_c ( cos θ_ic − [c = y_i] )²,   reduce = mean
///
/// Source:  Zhang et al., P2SGrad: Refined Gradients for Optimizing Deep Face Models, CVPR 2019, eq. 11; arXiv 1905.02479, as a
///          squared error: Wang and Yamagishi, Interspeech 2021. Reference: PML's P2SGradLoss.
/// Differs: PML normalises its weights in place at each call; here the loss changes nothing, and normalises on the way. See
///          `variant` for the gradient. An embedding of zeros has cosine 0, where PML gives NaN.
/// Shapes:  embeddings [B, D]; labels [B] int64 in [0, num_classes) -> scalar. With sampled classes the mean is over those.
/// Edge:    Limit: all cosines 0: 1/C.
/// Cost:    that of ProxyLoss. Gradient reaches embeddings and proxies.
class P2SGradLoss final : public ProxyLoss {
 public:
  P2SGradLoss(const P2SGradLossOptions& options, std::int64_t num_classes, std::int64_t embed_dim, Generator& generator);
  [[nodiscard]] std::string_view name() const override { return "p2sgrad"; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;
  [[nodiscard]] torch::Tensor scores(const torch::Tensor& embeddings, const torch::Tensor& rows) const override;

  P2SGradLossOptions options_;
};

}  // namespace diva::inline v0_1
