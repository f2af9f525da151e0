#include <diva/core/normalize.hpp>
#include <diva/losses/p2sgrad_loss.hpp>

namespace diva {

P2SGradLoss::P2SGradLoss(const P2SGradLossOptions& options, std::int64_t num_classes, std::int64_t embed_dim, Generator& generator)
    : ProxyLoss("P2SGradLoss", options.proxies, num_classes, embed_dim, generator), options_(options) {
  validate_fields("P2SGradLoss", options);
}

torch::Tensor P2SGradLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const auto now = step(comparison, tuples);
  // PML's renorm divides by ‖w‖ + 1e-7.
  const auto rows = options_.variant == Variant::pml
                        ? now.rows + (now.rows / (now.rows.norm(2, 1, true) + 1e-7) - now.rows).detach()
                        : l2_normalize(now.rows);
  return by_sample(l2_normalize(comparison.embeddings), rows, now, {.kind = Distance::dot}, options_.reducer,
                   [](const torch::Tensor& cosines, const torch::Tensor& targets, std::int64_t, const std::vector<torch::Tensor>&) {
                     // (c − 1)² = c² + 1 − 2c at the target
                     const auto own = cosines.gather(1, targets).squeeze(1);
                     return (cosines.square().sum(1) + 1 - 2 * own) / static_cast<double>(cosines.size(1));
                   });
}

torch::Tensor P2SGradLoss::scores(const torch::Tensor& embeddings, const torch::Tensor& rows) const {
  return l2_normalize(embeddings).mm(l2_normalize(rows).t());
}

}  // namespace diva
