#pragma once

#include <diva/losses/proxy_loss.hpp>

namespace diva::inline v0_1 {

struct SoftmaxLossOptions {
  double temperature = 0.05;  ///< T; > 0.
  /// Embeddings are L2-normalised here too, as PML does; heads of diva have done so, and the seed relies on that.
  bool normalize_embeddings = false;
  ProxyOptions proxies = {.learning_rate = 1e-5, .start = ProxyStart::uniform};  ///< Rows of the class map.
  ReducerOptions reducer = {};                                                   ///< Over samples.
};

template <class Visitor>
void describe(SoftmaxLossOptions& options, Visitor&& visit) {
  visit("temperature", options.temperature, "T", positive);
  visit("normalize_embeddings", options.normalize_embeddings, "L2-normalise embeddings first (PML)", any_value);
  visit("proxies", options.proxies, "rows of the class map", any_value);
  visit("reducer", options.reducer, "over samples", any_value);
}

/// Classification by directions: cross-entropy of dot products with normalised class weights.
///
///   L = reduce_i −log softmax_c( x_i·w_c/‖w_c‖ / T )[y_i],   reduce = mean
///
/// Source:  Zhai and Wu, Classification is a Strong Baseline for Deep Metric Learning, BMVC 2019; arXiv 1811.12649. Reference: the
///          seed's criteria/softmax.py; PML's NormalizedSoftmaxLoss (`normalize_embeddings`, weights from N(0, 1)).
/// Differs: nothing known.
/// Shapes:  embeddings [B, D]; labels [B] int64 in [0, num_classes) -> scalar.
/// Edge:    one class: 0. Limit: x_i orthogonal to all weights, or zero: log C.
/// Cost:    that of ProxyLoss. Gradient reaches embeddings and proxies.
class SoftmaxLoss final : public ProxyLoss {
 public:
  SoftmaxLoss(const SoftmaxLossOptions& options, std::int64_t num_classes, std::int64_t embed_dim, Generator& generator);
  [[nodiscard]] std::string_view name() const override { return "softmax"; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;
  [[nodiscard]] torch::Tensor scores(const torch::Tensor& embeddings, const torch::Tensor& rows) const override;

  SoftmaxLossOptions options_;
};

}  // namespace diva::inline v0_1
