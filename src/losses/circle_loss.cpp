#include <diva/losses/circle_loss.hpp>
#include <diva/losses/pairwise.hpp>

namespace diva {

CircleLoss::CircleLoss(const CircleLossOptions& options) : options_(options) { validate_fields("CircleLoss", options); }

torch::Tensor CircleLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const auto function = [m = options_.margin, scale = options_.scale](const PairBlock& block, const std::vector<torch::Tensor>&) {
    const auto& s = block.values;
    const auto fixed = s.detach();
    const auto pull = detail::masked_logsumexp((1 + m - fixed).relu() * (s - (1 - m)) * -scale, block.positive, false);
    const auto push = detail::masked_logsumexp((fixed + m).relu() * (s - m) * scale, block.negative, false);
    const auto counted = detail::any_of(block.positive) & detail::any_of(block.negative);
    return std::vector<Elements>{{torch::softplus((pull + push).masked_fill(~counted, 0)), counted}};
  };
  return pairwise_loss(comparison, tuples,
                       {.distance = {.kind = Distance::cosine}, .similarities = true, .reducer = options_.reducer}, {}, function);
}

}  // namespace diva
