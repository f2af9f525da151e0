#include <diva/core/normalize.hpp>
#include <diva/losses/p2sgrad_loss.hpp>

#include "fused_proxies.hpp"

namespace diva::inline v0_1 {
namespace {

// (Σ_c c² + 1 − 2c_y) / C, since (c − 1)² = c² + 1 − 2c at the target
struct SquaredErrors {
  static constexpr double padding = 0;

  template <class L, class T = typename L::Number>
  DIVA_INLINE double row(detail::ProxyRow<T>& row) const {
    const double share = 1 / static_cast<double>(row.proxies);
    const T twice = static_cast<T>(2 * share);
    typename L::Vector sums = {};
    for (std::int64_t j = 0; j < row.size; j += L::count) {
      const auto c = L::load(row.products + j);
      sums += c * c;
      L::store(row.slopes + j, c * twice);
    }
    row.slopes[row.target] -= twice;
    return (L::sum(sums) + 1 - 2 * static_cast<double>(row.products[row.target])) * share;
  }
};

}  // namespace

P2SGradLoss::P2SGradLoss(const P2SGradLossOptions& options, std::int64_t num_classes, std::int64_t embed_dim, Generator& generator)
    : ProxyLoss("P2SGradLoss", options.proxies, num_classes, embed_dim, generator), options_(options) {
  validate_fields("P2SGradLoss", options);
}

torch::Tensor P2SGradLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const auto now = step(comparison, tuples);
  // PML's renorm divides by ‖w‖ + 1e-7.
  const bool renormed = options_.variant == Variant::pml;
  const auto rows = renormed ? now.rows + (now.rows / (now.rows.norm(2, 1, true) + 1e-7) - now.rows).detach() : now.rows;
  auto fused = detail::fused_proxies({.embeddings = comparison.embeddings, .rows = rows, .unit_rows = !renormed},
                                     {now.targets, now.labels, now.weights}, options_.reducer, SquaredErrors{});
  if (fused.defined()) return fused;
  return by_sample(l2_normalize(comparison.embeddings), renormed ? rows : l2_normalize(rows), now, {.kind = Distance::dot},
                   options_.reducer,
                   [](const torch::Tensor& cosines, const torch::Tensor& targets, std::int64_t, const std::vector<torch::Tensor>&) {
                     // (c − 1)² = c² + 1 − 2c at the target
                     const auto own = cosines.gather(1, targets).squeeze(1);
                     return (cosines.square().sum(1) + 1 - 2 * own) / static_cast<double>(cosines.size(1));
                   });
}

torch::Tensor P2SGradLoss::scores(const torch::Tensor& embeddings, const torch::Tensor& rows) const {
  return l2_normalize(embeddings).mm(l2_normalize(rows).t());
}

}  // namespace diva::inline v0_1
