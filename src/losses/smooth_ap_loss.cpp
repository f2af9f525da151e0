#include <diva/losses/pairwise.hpp>
#include <diva/losses/smooth_ap_loss.hpp>
#include <diva/losses/soft_rank.hpp>

namespace diva::inline v0_1 {

SmoothApLoss::SmoothApLoss(const SmoothApLossOptions& options) : options_(options) { validate_fields("SmoothApLoss", options); }

torch::Tensor SmoothApLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const bool own = (options_.variant == Variant::repo || options_.variant == Variant::pml) && !comparison.reference;
  return pairwise_loss(
      comparison, tuples, {.distance = {.kind = Distance::cosine}, .similarities = true, .reducer = options_.reducer}, {},
      [temperature = options_.temperature, own](const PairBlock& block, const std::vector<torch::Tensor>&) {
        const auto has_positive = detail::any_of(block.positive);
        auto positive = block.positive;
        if (own) positive = detail::with_itself(positive, block.first).masked_fill(~has_positive.unsqueeze(1), 0);
        const auto pairs = detail::marked_pairs(positive, block.values);
        const auto counts = soft_counts(block.values, pairs.rows, pairs.columns, {positive, block.negative}, temperature);
        const auto among_positives = 1 + counts[0];
        const auto precision = detail::mean_of_rows(among_positives / (among_positives + counts[1]), pairs, block.values.size(0));
        return std::vector<Elements>{{1 - precision, has_positive}};
      });
}

}  // namespace diva::inline v0_1
