#include <diva/losses/triplet_loss.hpp>

namespace diva {

TripletLoss::TripletLoss(const TripletLossOptions& options) : options_(options) { validate_fields("TripletLoss", options); }

torch::Tensor TripletLoss::compute(const torch::Tensor& embeddings, const torch::Tensor& labels, const Tuples& tuples) const {
  const auto [anchors, positives, negatives] = detail::as_triplets("triplet loss", tuples, labels);
  const auto anchor = embeddings.index_select(0, anchors);
  const auto distance_to = [&](const torch::Tensor& others) {
    return distance(anchor, embeddings.index_select(0, others), options_.distance);
  };
  const auto losses = (distance_to(positives) - distance_to(negatives) + options_.margin).relu();
  return options_.average_active ? detail::mean_or_zero(losses, (losses > 0).sum()) : detail::mean_or_zero(losses);
}

}  // namespace diva
