#pragma once

#include <diva/losses/proxy_loss.hpp>

namespace diva::inline v0_1 {

struct CosFaceLossOptions {
  double margin = 0.35;         ///< m: by how much the cosine to the own class must be larger; ≥ 0.
  double scale = 64;            ///< s: 1/T; > 0.
  ProxyOptions proxies = {};    ///< Rows of the class map. PML's start from N(0, 1).
  ReducerOptions reducer = {};  ///< Over samples.
};

template <class Visitor>
void describe(CosFaceLossOptions& options, Visitor&& visit) {
  visit("margin", options.margin, "by how much the cosine to the own class must be larger", non_negative);
  visit("scale", options.scale, "factor of the cosines", positive);
  visit("proxies", options.proxies, "rows of the class map", any_value);
  visit("reducer", options.reducer, "over samples", any_value);
}

/// Classification by cosines, with a margin on the cosine to the own class.
///
///   L = reduce_i −log softmax_c( s·(cos θ_ic − m·[c = y_i]) )[y_i],   reduce = mean
///
/// Source:  Wang et al., CosFace, CVPR 2018, eq. 4; arXiv 1801.09414. Reference: PML's CosFaceLoss.
/// Differs: nothing known.
/// Shapes:  embeddings [B, D]; labels [B] int64 in [0, num_classes) -> scalar.
/// Edge:    one class: 0. Limit: all cosines equal: log(1 + (C − 1)·exp(s·m)).
/// Cost:    that of ProxyLoss. Gradient reaches embeddings and proxies.
class CosFaceLoss final : public ProxyLoss {
 public:
  CosFaceLoss(const CosFaceLossOptions& options, std::int64_t num_classes, std::int64_t embed_dim, Generator& generator);
  [[nodiscard]] std::string_view name() const override { return "cosface"; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;
  [[nodiscard]] torch::Tensor scores(const torch::Tensor& embeddings, const torch::Tensor& rows) const override;

  CosFaceLossOptions options_;
};

}  // namespace diva::inline v0_1
