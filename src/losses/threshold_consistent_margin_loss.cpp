#include <diva/losses/pairwise.hpp>
#include <diva/losses/threshold_consistent_margin_loss.hpp>

#include "fused_kernels.hpp"
#include "fused_lists.hpp"

namespace diva::inline v0_1 {

ThresholdConsistentMarginLoss::ThresholdConsistentMarginLoss(const ThresholdConsistentMarginLossOptions& options)
    : options_(options) {
  validate_fields("ThresholdConsistentMarginLoss", options);
}

torch::Tensor ThresholdConsistentMarginLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  // Of cosine distances d = 1 − s, which are what both ways to pairs offer.
  const auto pull = [o = options_](const torch::Tensor& d) { return o.positive_weight * (d - (1 - o.positive_margin)).relu(); };
  const auto push = [o = options_](const torch::Tensor& d) { return o.negative_weight * ((1 - o.negative_margin) - d).relu(); };
  const DistanceOptions cosine{.kind = Distance::cosine};
  const PairwiseOptions options = {.distance = cosine, .reducer = options_.reducer};
  const bool listed = std::holds_alternative<Pairs>(tuples) || std::holds_alternative<Triplets>(tuples);
  if (!listed || detail::dense(comparison, tuples)) {
    const detail::HingePairs kernel = {.positive_margin = 1 - options_.positive_margin,
                                       .negative_margin = 1 - options_.negative_margin,
                                       .positive_weight = options_.positive_weight,
                                       .negative_weight = options_.negative_weight};
    if (auto loss = detail::fused_pairs(comparison, tuples, options, kernel, {}, listed); loss.defined()) return loss;
  }
  if (!listed) {
    return pairwise_loss(comparison, tuples, options, {}, [pull, push](const PairBlock& block, const std::vector<torch::Tensor>&) {
      return std::vector<Elements>{{pull(block.values), block.positive}, {push(block.values), block.negative}};
    });
  }
  const auto pairs = detail::as_pairs(comparison, tuples);
  const auto between = [&](const torch::Tensor& from, const torch::Tensor& to) {
    return detail::listed_distances(comparison, from, to, cosine);
  };
  return reduce({{pull(between(pairs.anchors, pairs.positives)), {}, pairs.anchors},
                 {push(between(pairs.negative_anchors, pairs.negatives)), {}, pairs.negative_anchors}},
                comparison.labels, comparison.size(), options_.reducer);
}

}  // namespace diva::inline v0_1
