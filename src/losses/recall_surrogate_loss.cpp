#include <diva/losses/pairwise.hpp>
#include <diva/losses/recall_surrogate_loss.hpp>
#include <diva/losses/soft_rank.hpp>

namespace diva::inline v0_1 {

RecallSurrogateLoss::RecallSurrogateLoss(const RecallSurrogateLossOptions& options) : options_(options) {
  validate_fields("RecallSurrogateLoss", options);
  if (options.k.empty()) detail::fail<OptionError>("RecallSurrogateLoss", "k", "at least one number", "none");
}

torch::Tensor RecallSurrogateLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const bool own = options_.variant == Variant::repo && !comparison.reference;
  return pairwise_loss(
      comparison, tuples, {.distance = {.kind = Distance::cosine}, .similarities = true, .reducer = options_.reducer}, {},
      [options = options_, own](const PairBlock& block, const std::vector<torch::Tensor>&) {
        const auto rows = block.values.size(0);
        const auto pairs = detail::marked_pairs(block.positive, block.values);
        const auto ranked = own ? detail::with_itself(block.positive, block.first) : block.positive;
        const auto ranks =
            1 + soft_counts(block.values, pairs.rows, pairs.columns, {ranked, block.negative}, options.temperature).sum(0);
        const auto zeros = torch::zeros({rows}, pairs.weights.options());
        const auto number = zeros.index_add(0, pairs.rows, pairs.weights);
        torch::Tensor recall = zeros;
        for (const auto k : options.k) {
          const auto within = ((static_cast<double>(k) - ranks) / options.rank_temperature).sigmoid();
          const auto found = zeros.index_add(0, pairs.rows, pairs.weights * within);
          const auto at_k = static_cast<double>(k);
          recall = recall + (options.variant == Variant::paper
                                 ? found / number.masked_fill(number == 0, 1)
                                 : found.clamp_max(at_k) / number.clamp_max(at_k).masked_fill(number == 0, 1));
        }
        return std::vector<Elements>{{1 - recall / static_cast<double>(options.k.size()), detail::any_of(block.positive)}};
      });
}

}  // namespace diva::inline v0_1
