#include <diva/core/normalize.hpp>
#include <diva/losses/proxynca_loss.hpp>

#include <limits>

#include "fused_proxies.hpp"

namespace diva::inline v0_1 {

ProxyNcaLoss::ProxyNcaLoss(const ProxyNcaLossOptions& options, std::int64_t num_classes, std::int64_t embed_dim,
                           Generator& generator)
    : ProxyLoss("ProxyNcaLoss", options.proxies, num_classes, embed_dim, generator), options_(options) {
  validate_fields("ProxyNcaLoss", options);
}

torch::Tensor ProxyNcaLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const auto now = step(comparison, tuples, true);
  auto distance = options_.distance;
  const bool unit = distance.normalize || distance.kind == Distance::cosine;
  distance.normalize = false;
  double scale = options_.scale;
  // Between unit rows the squared distance is 2 − 2 cos and the cosine distance 1 − cos; the constants cancel.
  if (unit && distance.power == 1 && (distance.kind == Distance::squared_euclidean || distance.kind == Distance::cosine)) {
    if (distance.kind == Distance::squared_euclidean) scale *= 2;
    distance.kind = Distance::dot;
  }
  // Without another class there is nothing to be nearer than.
  const bool alone = !options_.include_positive && now.classes.size(0) == 1;
  if (distance.kind == Distance::dot && scale > 0 && !alone) {
    const auto fused =
        detail::fused_proxies({.embeddings = comparison.embeddings, .rows = now.rows, .unit_embeddings = unit, .unit_rows = unit},
                              {now.targets, now.labels, now.weights}, options_.reducer,
                              detail::SoftmaxKernel<detail::NoMargin>{.scale = scale, .own_counts = options_.include_positive});
    if (fused.defined()) return fused;
  }
  const auto x = unit ? l2_normalize(comparison.embeddings) : comparison.embeddings;
  const auto rows = unit ? l2_normalize(now.rows) : now.rows;
  return by_sample(
      x, rows, now, distance, options_.reducer,
      [scale, include_positive = options_.include_positive](const torch::Tensor& similarities, const torch::Tensor& own,
                                                            std::int64_t, const std::vector<torch::Tensor>&) {
        constexpr double nothing = -std::numeric_limits<double>::infinity();
        const auto logits = similarities * scale;
        if (!include_positive && logits.size(1) == 1) return logits.select(1, 0) * 0;
        const auto compared = include_positive ? logits : logits.scatter(1, own, nothing);
        return compared.logsumexp(1) - logits.gather(1, own).squeeze(1);
      });
}

torch::Tensor ProxyNcaLoss::scores(const torch::Tensor& embeddings, const torch::Tensor& rows) const {
  return options_.scale * pairwise_similarities(embeddings, rows, options_.distance);
}

}  // namespace diva::inline v0_1
