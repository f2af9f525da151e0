#include <diva/losses/contrastive_loss.hpp>
#include <diva/losses/pairwise.hpp>

namespace diva {

ContrastiveLoss::ContrastiveLoss(const ContrastiveLossOptions& options) : options_(options) {
  validate_fields("ContrastiveLoss", options);
}

torch::Tensor ContrastiveLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  // Margins by value: the backward pass of large batches calls these after this function has returned.
  const auto pull = [margin = options_.positive_margin](const torch::Tensor& distances) { return (distances - margin).relu(); };
  const auto push = [margin = options_.negative_margin](const torch::Tensor& distances) { return (margin - distances).relu(); };
  const bool listed = std::holds_alternative<Pairs>(tuples) || std::holds_alternative<Triplets>(tuples);
  if (!listed && options_.variant != Variant::repo) {
    return pairwise_loss(comparison, tuples, {.distance = options_.distance, .reducer = options_.reducer}, {},
                         [pull, push](const PairBlock& block, const std::vector<torch::Tensor>&) {
                           return std::vector<Elements>{{pull(block.values), block.positive}, {push(block.values), block.negative}};
                         });
  }
  const double offset = options_.variant == Variant::repo ? 1e-6 : 0;
  const auto pairs = detail::as_pairs(comparison, tuples);
  const auto between = [&](const torch::Tensor& from, const torch::Tensor& to) {
    return distance(comparison.embeddings.index_select(0, from) + offset, comparison.reference_embeddings().index_select(0, to),
                    options_.distance);
  };
  return reduce({{pull(between(pairs.anchors, pairs.positives)), {}, pairs.anchors},
                 {push(between(pairs.negative_anchors, pairs.negatives)), {}, pairs.negative_anchors}},
                comparison.labels, comparison.size(), options_.reducer);
}

}  // namespace diva
