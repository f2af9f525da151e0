#include <diva/losses/triplet_loss.hpp>

namespace diva {

TripletLoss::TripletLoss(const TripletLossOptions& options) : options_(options) { validate_fields("TripletLoss", options); }

torch::Tensor TripletLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const auto [anchors, positives, negatives] = detail::as_triplets("triplet loss", comparison, tuples);
  const auto anchor = comparison.embeddings.index_select(0, anchors);
  const auto positive = comparison.reference_embeddings().index_select(0, positives),
             negative = comparison.reference_embeddings().index_select(0, negatives);
  auto far = distance(anchor, negative, options_.distance);
  if (options_.swap) far = torch::minimum(far, distance(positive, negative, options_.distance));
  const auto violation = distance(anchor, positive, options_.distance) - far + options_.margin;
  return reduce({{options_.smooth ? torch::softplus(violation) : violation.relu(), {}, anchors}}, comparison.labels,
                comparison.size(), options_.reducer);
}

}  // namespace diva
