#include <diva/core/normalize.hpp>
#include <diva/losses/softmax_loss.hpp>

#include "fused_proxies.hpp"

namespace diva::inline v0_1 {

SoftmaxLoss::SoftmaxLoss(const SoftmaxLossOptions& options, std::int64_t num_classes, std::int64_t embed_dim, Generator& generator)
    : ProxyLoss("SoftmaxLoss", options.proxies, num_classes, embed_dim, generator), options_(options) {
  validate_fields("SoftmaxLoss", options);
}

torch::Tensor SoftmaxLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const auto now = step(comparison, tuples);
  auto fused = detail::fused_proxies(
      {.embeddings = comparison.embeddings, .rows = now.rows, .unit_embeddings = options_.normalize_embeddings},
      {now.targets, now.labels, now.weights}, options_.reducer,
      detail::SoftmaxKernel<detail::NoMargin>{.scale = 1 / options_.temperature});
  if (fused.defined()) return fused;
  const auto x = options_.normalize_embeddings ? l2_normalize(comparison.embeddings) : comparison.embeddings;
  return cross_entropy(x, l2_normalize(now.rows), now, options_.reducer,
                       [temperature = options_.temperature](const torch::Tensor& products, const torch::Tensor&, std::int64_t,
                                                            const std::vector<torch::Tensor>&) { return products / temperature; });
}

torch::Tensor SoftmaxLoss::scores(const torch::Tensor& embeddings, const torch::Tensor& rows) const {
  const auto x = options_.normalize_embeddings ? l2_normalize(embeddings) : embeddings;
  return x.mm(l2_normalize(rows).t()) / options_.temperature;
}

}  // namespace diva::inline v0_1
