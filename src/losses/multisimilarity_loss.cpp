#include <diva/losses/multisimilarity_loss.hpp>
#include <diva/losses/pairwise.hpp>

#include "rows.hpp"

#include <limits>

namespace diva {

MultiSimilarityLoss::MultiSimilarityLoss(const MultiSimilarityLossOptions& options) : options_(options) {
  validate_fields("MultiSimilarityLoss", options);
}

torch::Tensor MultiSimilarityLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const auto function = [options = options_](const PairBlock& block, const std::vector<torch::Tensor>&) {
    auto positive = block.positive, negative = block.negative;
    if (options.mine) {
      constexpr double infinity = std::numeric_limits<double>::infinity();
      const auto values = block.values.detach();
      const auto hardest_positive = values.masked_fill(positive == 0, infinity).amin(1, true);
      const auto hardest_negative = values.masked_fill(negative == 0, -infinity).amax(1, true);
      // Not beyond, rather than within: NaN is kept and passes on.
      negative = detail::restrict_to(negative, ~(values + options.margin <= hardest_positive));
      positive = detail::restrict_to(positive, ~(values - options.margin >= hardest_negative));
    }
    const auto excess = block.values - detail::as_similarity(options.threshold, options.distance.kind);
    const auto pull = detail::masked_logsumexp(excess * -options.positive_weight, positive, true) / options.positive_weight;
    const auto push = detail::masked_logsumexp(excess * options.negative_weight, negative, true) / options.negative_weight;
    const bool all = options.variant == Variant::paper || options.variant == Variant::pml;
    return std::vector<Elements>{{pull + push, all ? torch::Tensor() : detail::any_of(positive) & detail::any_of(negative)}};
  };
  return pairwise_loss(comparison, tuples, {.distance = options_.distance, .similarities = true, .reducer = options_.reducer}, {},
                       function);
}

}  // namespace diva
