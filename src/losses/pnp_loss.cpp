#include <diva/losses/pairwise.hpp>
#include <diva/losses/pnp_loss.hpp>
#include <diva/losses/soft_rank.hpp>

namespace diva::inline v0_1 {
namespace {

torch::Tensor penalized(const torch::Tensor& before, const PnpLossOptions& options) {
  switch (options.penalty) {
    case PnpPenalty::increasing_unbounded:
      return (1 + before) * before.log1p();
    case PnpPenalty::increasing_bounded:
      return (options.b * before - (options.b * before).log1p()) / (options.b * options.b);
    case PnpPenalty::decreasing_quotient:
      return 1 - (1 + before).pow(-options.alpha);
    case PnpPenalty::decreasing_slow:
      return before.log1p();
    case PnpPenalty::linear:
      break;
  }
  return before;
}

}  // namespace

PnpLoss::PnpLoss(const PnpLossOptions& options) : options_(options) { validate_fields("PnpLoss", options); }

torch::Tensor PnpLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const bool own = (options_.variant == Variant::repo || options_.variant == Variant::pml) && !comparison.reference;
  return pairwise_loss(
      comparison, tuples, {.distance = {.kind = Distance::cosine}, .similarities = true, .reducer = options_.reducer}, {},
      [options = options_, own](const PairBlock& block, const std::vector<torch::Tensor>&) {
        const auto has_positive = detail::any_of(block.positive);
        auto positive = block.positive;
        if (own) {
          positive = detail::with_itself(positive, block.first).masked_fill(~has_positive.unsqueeze(1), 0);
        }
        const auto pairs = detail::marked_pairs(positive, block.values);
        const auto before = soft_counts(block.values, pairs.rows, pairs.columns, {block.negative}, options.temperature)[0];
        return std::vector<Elements>{{detail::mean_of_rows(penalized(before, options), pairs, block.values.size(0)), has_positive}};
      });
}

}  // namespace diva::inline v0_1
