#include <diva/losses/contrastive_loss.hpp>
#include <diva/losses/pairwise.hpp>

#include "fused_kernels.hpp"
#include "fused_lists.hpp"

namespace diva::inline v0_1 {

ContrastiveLoss::ContrastiveLoss(const ContrastiveLossOptions& options) : options_(options) {
  validate_fields("ContrastiveLoss", options);
}

torch::Tensor ContrastiveLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  // Margins by value: the backward pass of large batches calls these after this function has returned.
  const auto pull = [margin = options_.positive_margin](const torch::Tensor& distances) { return (distances - margin).relu(); };
  const auto push = [margin = options_.negative_margin](const torch::Tensor& distances) { return (margin - distances).relu(); };
  const PairwiseOptions options = {.distance = options_.distance, .reducer = options_.reducer};
  const bool listed = std::holds_alternative<Pairs>(tuples) || std::holds_alternative<Triplets>(tuples);
  if (options_.variant != Variant::repo && (!listed || detail::dense(comparison, tuples))) {
    const detail::HingePairs kernel = {.positive_margin = options_.positive_margin, .negative_margin = options_.negative_margin};
    if (auto loss = detail::fused_pairs(comparison, tuples, options, kernel, {}, listed); loss.defined()) return loss;
  }
  if (!listed && options_.variant != Variant::repo) {
    return pairwise_loss(comparison, tuples, options, {}, [pull, push](const PairBlock& block, const std::vector<torch::Tensor>&) {
      return std::vector<Elements>{{pull(block.values), block.positive}, {push(block.values), block.negative}};
    });
  }
  const double offset = options_.variant == Variant::repo ? 1e-6 : 0;
  const auto pairs = detail::as_pairs(comparison, tuples);
  const auto between = [&](const torch::Tensor& from, const torch::Tensor& to) {
    if (offset == 0) return detail::listed_distances(comparison, from, to, options_.distance);
    return distance(comparison.embeddings.index_select(0, from) + offset, comparison.reference_embeddings().index_select(0, to),
                    options_.distance);
  };
  return reduce({{pull(between(pairs.anchors, pairs.positives)), {}, pairs.anchors},
                 {push(between(pairs.negative_anchors, pairs.negatives)), {}, pairs.negative_anchors}},
                comparison.labels, comparison.size(), options_.reducer);
}

}  // namespace diva::inline v0_1
