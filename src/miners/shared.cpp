#include <diva/core/checks.hpp>
#include <diva/distances/distance.hpp>
#include <diva/miners/shared.hpp>

namespace diva {

Triplets shared_triplets(const torch::Tensor& embeddings, const torch::Tensor& labels, Generator& generator,
                         const SharedOptions& options) {
  detail::check_embeddings("shared_triplets", embeddings);
  detail::check_labels("shared_triplets", labels, embeddings);
  validate_fields("shared_triplets", options);
  if (options.sharing == Sharing::random) {
    const auto shuffled = labels.index_select(0, generator.permutation(labels.size(0)).to(labels.device()));
    return distance_weighted_triplets(embeddings, shuffled, generator, options.distance);
  }

  const auto none = torch::empty({0}, labels.options());
  if (labels.numel() == 0) return {none, none, none};
  const auto x = detail::for_mining(embeddings);
  const auto other = detail::relations(labels).negative;
  const auto distances = pairwise_distances(x, x);
  const auto draw = [&](const torch::Tensor& candidates, bool by_distance) {
    const auto weights =
        by_distance ? detail::inverse_density_probabilities(distances, candidates, x.size(1), options.distance) : candidates;
    return detail::draw_columns(weights, generator.uniform({weights.size(0)}, torch::kFloat64));
  };
  const auto negatives = draw(other, true);
  // Positives: another class than the anchor's and than the drawn negative's.
  const auto third = other & (labels.index_select(0, negatives).unsqueeze(1) != labels.unsqueeze(0));
  const auto positives = draw(third, options.sharing == Sharing::full);
  const auto anchors = third.any(1).nonzero().view(-1);
  return {anchors, positives.index_select(0, anchors), negatives.index_select(0, anchors)};
}

}  // namespace diva
