#include "candidates.hpp"

#include <diva/core/checks.hpp>
#include <diva/miners/shared.hpp>

namespace diva::inline v0_1 {
namespace {

Comparison shuffled(Comparison comparison, Generator& generator) {
  const auto order = generator.permutation(comparison.size()).to(comparison.embeddings.device());
  if (comparison.relation) {
    auto& [positive, negative] = *comparison.relation;
    positive = positive.index_select(0, order).index_select(1, order);
    if (negative.defined()) negative = negative.index_select(0, order).index_select(1, order);
  } else {
    comparison.labels = comparison.labels.index_select(0, order);
  }
  return comparison;
}

}  // namespace

Triplets shared_triplets(const Comparison& comparison, Generator& generator, const SharedOptions& options) {
  validate_fields("shared_triplets", options);
  detail::check_comparison("shared_triplets", comparison);
  if (comparison.relation && comparison.reference)
    detail::fail<OptionError>("shared_triplets", "comparison", "a relation or a reference", "both");
  if (options.sharing == Sharing::random) {
    return distance_weighted_triplets(shuffled(comparison, generator), generator, options.distance);
  }

  if (comparison.size() == 0 || comparison.reference_size() == 0) return detail::no_triplets(comparison);
  const auto other = detail::relation_rows(comparison).negative != 0;
  const auto distances = detail::mining_distances(
      comparison, torch::arange(comparison.size(), torch::TensorOptions(torch::kInt64).device(comparison.embeddings.device())));
  const auto draw = [&](const torch::Tensor& candidates, bool by_distance) {
    return detail::draw(
        by_distance ? detail::inverse_density_probabilities(distances, candidates, comparison.embeddings.size(1), options.distance)
                    : candidates,
        generator);
  };
  const auto negatives = draw(other, true);
  // Positives: another class than the anchor's and than the drawn negative's.
  const auto& labels = comparison.reference_labels();
  const auto unlike_negative = comparison.relation ? other.index_select(0, negatives)
                                                   : labels.index_select(0, negatives).unsqueeze(1) != labels.unsqueeze(0);
  const auto third = other & unlike_negative;
  const auto positives = draw(third, options.sharing == Sharing::full);
  const auto anchors = third.any(1).nonzero().view(-1);
  return {anchors, positives.index_select(0, anchors), negatives.index_select(0, anchors)};
}

}  // namespace diva::inline v0_1
