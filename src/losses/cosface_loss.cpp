#include <diva/core/normalize.hpp>
#include <diva/losses/cosface_loss.hpp>

#include "fused_proxies.hpp"

namespace diva::inline v0_1 {
namespace {

struct SubtractedMargin {
  double margin = 0;
  detail::Shifted operator()(double cosine) const { return {cosine - margin, 1}; }
};

}  // namespace

CosFaceLoss::CosFaceLoss(const CosFaceLossOptions& options, std::int64_t num_classes, std::int64_t embed_dim, Generator& generator)
    : ProxyLoss("CosFaceLoss", options.proxies, num_classes, embed_dim, generator), options_(options) {
  validate_fields("CosFaceLoss", options);
}

torch::Tensor CosFaceLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const auto now = step(comparison, tuples);
  auto fused =
      detail::fused_proxies({.embeddings = comparison.embeddings, .rows = now.rows}, {now.targets, now.labels, now.weights},
                            options_.reducer, detail::SoftmaxKernel<SubtractedMargin>{options_.scale, {options_.margin}});
  if (fused.defined()) return fused;
  return cross_entropy(
      l2_normalize(comparison.embeddings), l2_normalize(now.rows), now, options_.reducer,
      [scale = options_.scale, margin = options_.margin](const torch::Tensor& cosines, const torch::Tensor& targets, std::int64_t,
                                                         const std::vector<torch::Tensor>&) {
        return cosines.scatter(1, targets, cosines.gather(1, targets) - margin) * scale;
      });
}

torch::Tensor CosFaceLoss::scores(const torch::Tensor& embeddings, const torch::Tensor& rows) const {
  return l2_normalize(embeddings).mm(l2_normalize(rows).t()) * options_.scale;
}

}  // namespace diva::inline v0_1
