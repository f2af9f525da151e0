#pragma once

#include <diva/distances/distance.hpp>
#include <diva/losses/proxy_loss.hpp>

#include <array>
#include <utility>

namespace diva::inline v0_1 {

/// Who gathers whom.
enum class ProxyMode {
  anchor,  ///< Each proxy the samples: Proxy-Anchor.
  nca,     ///< Each sample the proxies.
};

constexpr auto enumerators(ProxyMode) {
  return std::array{std::pair{ProxyMode::anchor, "anchor"}, std::pair{ProxyMode::nca, "nca"}};
}

struct ProxyAnchorLossOptions {
  ProxyMode mode = ProxyMode::anchor;
  double positive_scale = 32;     ///< α⁺; > 0.
  double positive_margin = 0.1;   ///< δ⁺: the similarity that positives are to exceed.
  double negative_scale = 32;     ///< α⁻; > 0.
  double negative_margin = -0.1;  ///< δ⁻: the similarity that negatives are to stay below.
  /// `repo` (the seed's oproxy): the positive term of mode anchor is a mean over samples, so that a class counts as often as it has
  /// samples in the batch; in mode nca the own proxy counts as often as the batch has samples of the class; a softplus is cut
  /// at 20.
  Variant variant = Variant::fixed;
  ProxyOptions proxies = {.learning_rate = 1e-2, .start = ProxyStart::small_normal};  ///< One for each class.
  DistanceOptions distance = {.kind = Distance::cosine};  ///< Similarities: see pairwise_similarities. Minus the distance, other
                                                          ///< than for cosine and dot, so that margins are negative there.
  ReducerOptions reducer = {};  ///< Of both terms, each for itself: over classes (mode anchor) or samples (mode nca).
};

template <class Visitor>
void describe(ProxyAnchorLossOptions& options, Visitor&& visit) {
  visit("mode", options.mode, "anchor: each proxy gathers samples; nca: each sample gathers proxies", any_value);
  visit("positive_scale", options.positive_scale, "factor of positive similarities", positive);
  visit("positive_margin", options.positive_margin, "the similarity that positives are to exceed", any_value);
  visit("negative_scale", options.negative_scale, "factor of negative similarities", positive);
  visit("negative_margin", options.negative_margin, "the similarity that negatives are to stay below", any_value);
  visit("variant", options.variant, "repo: classes count as often as the batch has samples of them", any_value);
  visit("proxies", options.proxies, "one for each class", any_value);
  visit("distance", options.distance, "what the similarities are of", any_value);
  visit("reducer", options.reducer, "of both terms: over classes (anchor) or samples (nca)", any_value);
}

/// Each proxy draws in the samples of its class, the far ones most, and drives out the others, the near ones most.
///
///   L = reduce_(c present) log(1 + Σ_(i: y_i = c) exp(−α⁺(s_ic − δ⁺)))  +  reduce_c log(1 + Σ_(i: y_i ≠ c) exp(α⁻(s_ic − δ⁻)))
///   mode nca:  L = reduce_i log(1 + exp(−α⁺(s_iy − δ⁺)))  +  reduce_i log(1 + Σ_(c ≠ y_i) exp(α⁻(s_ic − δ⁻))),   reduce = mean
///
/// Source:  Kim et al., Proxy Anchor Loss, CVPR 2020, eq. 4; arXiv 2003.13911, whose authors train proxies at 100 times 1e-4.
///          Reference: PML's ProxyAnchorLoss (proxies from `kaiming`); the seed's criteria/oproxy.py, whose euclidean mode is
///          `distance = {euclidean, normalize}` with negated margins.
/// Differs: the seed counts classes by samples (see `variant`). Weights of samples multiply the terms of the sums; PML adds w − 1
///          to the exponents, so that a weight of 0 only divides a term by e.
/// Shapes:  embeddings [B, D]; labels [B] int64 in [0, num_classes) -> scalar.
/// Edge:    no sample: 0. A class without samples in the batch has no positive term; one without negatives has a negative term of
///          0.
/// Cost:    that of ProxyLoss. Gradient reaches embeddings and proxies.
class ProxyAnchorLoss final : public ProxyLoss {
 public:
  ProxyAnchorLoss(const ProxyAnchorLossOptions& options, std::int64_t num_classes, std::int64_t embed_dim, Generator& generator);
  [[nodiscard]] std::string_view name() const override { return "proxy_anchor"; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;
  [[nodiscard]] torch::Tensor scores(const torch::Tensor& embeddings, const torch::Tensor& rows) const override;
  [[nodiscard]] torch::Tensor by_proxy(const torch::Tensor& embeddings, const torch::Tensor& rows, const Step& now,
                                       const DistanceOptions& distance) const;
  [[nodiscard]] torch::Tensor by_anchor(const torch::Tensor& embeddings, const torch::Tensor& rows, const Step& now,
                                        const DistanceOptions& distance) const;

  ProxyAnchorLossOptions options_;
};

}  // namespace diva::inline v0_1
