#include <diva/losses/pairwise.hpp>
#include <diva/losses/ranked_list_loss.hpp>

#include <limits>

namespace diva {
namespace {

// Σ w v / (Σ w + extra) over the selected violations v of each row, w = exp(T v) times the relation's weights; 0 where there is
// none.
torch::Tensor weighted_mean(const torch::Tensor& violations, const torch::Tensor& selected, const torch::Tensor& relation,
                            double temperature, double extra) {
  constexpr double nothing = -std::numeric_limits<double>::infinity();
  const auto exponents = (temperature * violations).masked_fill(~selected, nothing);
  const auto largest = exponents.detach().amax(1, true);
  const auto shift = largest.masked_fill(largest == nothing, 0);
  auto weights = (exponents - shift).exp();
  if (relation.scalar_type() != torch::kBool) weights = weights * relation.to(weights.scalar_type());
  const auto total = weights.sum(1) + extra * (-shift).exp().squeeze(1);
  return (weights * violations.masked_fill(~selected, 0)).sum(1) / total.masked_fill(total == 0, 1);
}

}  // namespace

RankedListLoss::RankedListLoss(const RankedListLossOptions& options) : options_(options) {
  validate_fields("RankedListLoss", options);
}

torch::Tensor RankedListLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  return pairwise_loss(comparison, tuples, {.distance = options_.distance, .reducer = options_.reducer}, {},
                       [options = options_](const PairBlock& block, const std::vector<torch::Tensor>&) {
                         const bool pml = options.variant == Variant::pml;
                         const double extra = pml ? 1e-5 * static_cast<double>(block.values.size(1)) : 0;
                         const auto outside = block.values - (options.boundary - options.margin),
                                    inside = options.boundary - block.values;
                         // Not "> 0", so that NaN is among them and passes on.
                         const auto far = (block.positive != 0) & ~(outside <= 0);
                         auto near = (block.negative != 0) & ~(inside <= 0);
                         if (pml) near = near & (block.values != 0);
                         const auto pulled = weighted_mean(outside, far, block.positive, options.positive_temperature, extra);
                         const auto pushed = weighted_mean(inside, near, block.negative, options.negative_temperature, extra);
                         return std::vector<Elements>{{(1 - options.balance) * pulled + options.balance * pushed,
                                                       detail::any_of(block.positive) | detail::any_of(block.negative)}};
                       });
}

}  // namespace diva
