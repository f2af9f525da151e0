#include <diva/losses/hyperbolic_loss.hpp>
#include <diva/losses/pairwise.hpp>

namespace diva::inline v0_1 {

HyperbolicLoss::HyperbolicLoss(const HyperbolicLossOptions& options) : options_(options) {
  validate_fields("HyperbolicLoss", options);
}

torch::Tensor HyperbolicLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  return pairwise_loss(comparison, tuples, {.distance = options_.distance, .reducer = options_.reducer}, {},
                       [temperature = options_.temperature](const PairBlock& block, const std::vector<torch::Tensor>&) {
                         const auto logits = block.values / -temperature;
                         const auto negatives = detail::masked_logsumexp(logits, block.negative, false);
                         return std::vector<Elements>{{at::softplus(negatives.unsqueeze(1) - logits), block.positive}};
                       });
}

}  // namespace diva::inline v0_1
