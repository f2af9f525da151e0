#include <diva/losses/intra_pair_variance_loss.hpp>
#include <diva/losses/pairwise.hpp>

#include "rows.hpp"

namespace diva {

IntraPairVarianceLoss::IntraPairVarianceLoss(const IntraPairVarianceLossOptions& options) : options_(options) {
  validate_fields("IntraPairVarianceLoss", options);
}

torch::Tensor IntraPairVarianceLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const auto mean = [&](torch::Tensor PairBlock::*mask) {
    return pairwise_loss(comparison, tuples, {.distance = options_.distance, .similarities = true}, {},
                         [mask](const PairBlock& block, const std::vector<torch::Tensor>&) {
                           return std::vector<Elements>{{block.values, block.*mask}};
                         });
  };
  const auto positive_mean = mean(&PairBlock::positive), negative_mean = mean(&PairBlock::negative);
  // Similarities of distances are negative: worse by a share of the mean is then farther from 0.
  const double sign = detail::is_similarity(options_.distance.kind) ? 1 : -1;
  const auto function = [near = 1 - sign * options_.positive_slack, far = 1 + sign * options_.negative_slack](
                            const PairBlock& block, const std::vector<torch::Tensor>& means) {
    return std::vector<Elements>{{(means[0] * near - block.values).relu().square(), block.positive},
                                 {(block.values - means[1] * far).relu().square(), block.negative}};
  };
  return pairwise_loss(comparison, tuples, {.distance = options_.distance, .similarities = true, .reducer = options_.reducer},
                       {positive_mean, negative_mean}, function);
}

}  // namespace diva
