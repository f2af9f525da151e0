#pragma once

#include <diva/losses/proxy_loss.hpp>

namespace diva::inline v0_1 {

struct SoftTripletLossOptions {
  std::int64_t centers = 10;    ///< K: centres for each class; ≥ 1.
  double margin = 0.01;         ///< δ: by how much the similarity to the own class must be larger; ≥ 0.
  double gamma = 0.1;           ///< γ: temperature of the softmax over a class's centres; > 0.
  double lambda = 20;           ///< λ: factor of the similarities; > 0. Revisiting's default is 8.
  double center_penalty = 0.2;  ///< τ: weight of the distances between centres of a class, which lets superfluous ones merge; ≥ 0.
                                ///< PML has none unless a regulariser is given.
  /// `repo`: the seed's and Revisiting's axes: centres normalised over all centres for each dimension, softmax over the classes for
  /// each centre, of similarities times γ, of embeddings as they come.
  Variant variant = Variant::fixed;
  ProxyOptions proxies = {.start = ProxyStart::uniform_by_count};  ///< The centres.
  ReducerOptions reducer = {};                                     ///< Over samples; the penalty is added afterwards.
};

template <class Visitor>
void describe(SoftTripletLossOptions& options, Visitor&& visit) {
  visit("centers", options.centers, "centres for each class", at_least(1));
  visit("margin", options.margin, "by how much the similarity to the own class must be larger", non_negative);
  visit("gamma", options.gamma, "temperature of the softmax over a class's centres", positive);
  visit("lambda", options.lambda, "factor of the similarities", positive);
  visit("center_penalty", options.center_penalty, "weight of the distances between the centres of a class", non_negative);
  visit("variant", options.variant, "repo: the seed's axes of normalisation and softmax", any_value);
  visit("proxies", options.proxies, "the centres", any_value);
  visit("reducer", options.reducer, "over samples; the penalty is added afterwards", any_value);
}

/// Classification with several centres for each class, of which the near ones count more.
///
///   L = reduce_i −log softmax_c( λ(S_ic − δ·[c = y_i]) )[y_i] + τ/(C·K·(K−1)) Σ_c Σ_(k<l) √(2 + 1e-5 − 2 w_ck·w_cl),   reduce =
///   mean S_ic = Σ_k q_k x_i·w_ck,   q = softmax_k( x_i·w_ck / γ ),   x and w of length 1
///
/// Source:  Qian et al., SoftTriple Loss, ICCV 2019, eq. 6 and 8; arXiv 1909.05235. Reference: idstcv/SoftTriple, PML's
///          SoftTripleLoss (τ = 0), the seed's criteria/softtriplet.py.
/// Differs: the seed normalises and weighs along the wrong axes and multiplies by γ (`variant = Variant::repo` does the same, and
///          cuts the penalty's root at 0, where the seed gives NaN); for K = 1 its penalty is 0/0, here 0.
/// Shapes:  embeddings [B, D]; labels [B] int64 in [0, num_classes) -> scalar.
/// Edge:    an empty batch, or only samples of weight 0: 0, without the penalty. Limit: K = 1: CosFace with s = λ, m = δ.
/// Cost:    that of ProxyLoss, and O(C·K²·D) for the penalty. Gradient reaches embeddings and proxies.
/// Throws:  OptionError (range; `repo` with sampled classes, whose normalisation would depend on the sample).
class SoftTripletLoss final : public ProxyLoss {
 public:
  SoftTripletLoss(const SoftTripletLossOptions& options, std::int64_t num_classes, std::int64_t embed_dim, Generator& generator);
  [[nodiscard]] std::string_view name() const override { return "softtriplet"; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;
  [[nodiscard]] torch::Tensor of_samples(const torch::Tensor& embeddings, const Step& now) const;
  [[nodiscard]] torch::Tensor scores(const torch::Tensor& embeddings, const torch::Tensor& rows) const override;

  SoftTripletLossOptions options_;
};

}  // namespace diva::inline v0_1
