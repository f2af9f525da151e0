#include <diva/losses/pairwise.hpp>
#include <diva/losses/supcon_loss.hpp>

#include "fused_kernels.hpp"
#include "rows.hpp"

namespace diva::inline v0_1 {

SupConLoss::SupConLoss(const SupConLossOptions& options) : options_(options) { validate_fields("SupConLoss", options); }

torch::Tensor SupConLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const PairwiseOptions options = {.distance = options_.distance, .similarities = true, .reducer = options_.reducer};
  const double scale = 1 / options_.temperature;
  const detail::CrossEntropyAmongAll kernel = {.scale = scale, .mean = true};
  if (auto loss = detail::fused_pairs(comparison, tuples, options, kernel); loss.defined()) return loss;

  const auto function = [scale](const PairBlock& block, const std::vector<torch::Tensor>&) {
    const auto logits = block.values * scale;
    const auto counted = detail::any_of(block.positive);
    const auto all = detail::masked_logsumexp(logits, detail::either_of(block.positive, block.negative), false);
    const auto weights = block.positive.to(logits.scalar_type());
    const auto mean = (logits * weights).sum(1) / weights.sum(1).masked_fill(~counted, 1);
    return std::vector<Elements>{{all.masked_fill(~counted, 0) - mean, counted}};
  };
  return pairwise_loss(comparison, tuples, options, {}, function);
}

}  // namespace diva::inline v0_1
