#include <diva/core/checks.hpp>
#include <diva/distances/distance.hpp>
#include <diva/miners/distance_weighted.hpp>

namespace diva {

torch::Tensor log_inverse_distance_density(const torch::Tensor& distances, std::int64_t dim) {
  const auto n = static_cast<double>(dim);
  const auto rest = (1 - 0.25 * distances.square()).clamp_min(1e-8);
  return (2 - n) * distances.log() - 0.5 * (n - 3) * rest.log();
}

namespace detail {

torch::Tensor inverse_density_probabilities(const torch::Tensor& distances, const torch::Tensor& candidates, std::int64_t dim,
                                            const DistanceWeightedOptions& options) {
  const auto inside = candidates & (distances <= options.upper_cutoff);
  const auto any_inside = inside.any(1, true);
  const auto allowed = torch::where(any_inside, inside, candidates);
  const auto logs = log_inverse_distance_density(distances.to(torch::kFloat64).clamp_min(options.lower_cutoff), dim);
  const auto weighted = torch::where(any_inside, logs, torch::zeros_like(logs)).masked_fill(~allowed, -INFINITY).softmax(1);
  return weighted.masked_fill(~allowed, 0);  // rows without a candidate came out of the softmax as NaN
}

}  // namespace detail

namespace {

// Whom an anchor may draw as its positive; for `repo` a sample without another one is its own.
torch::Tensor positives_of(const Relation& relations, const DistanceWeightedOptions& options) {
  if (options.variant != Variant::repo) return relations.positive;
  const auto itself = torch::eye(relations.positive.size(0), relations.positive.options());
  return relations.positive | (itself & ~relations.positive.any(1, true));
}

}  // namespace

torch::Tensor distance_weighted_probabilities(const torch::Tensor& embeddings, const torch::Tensor& labels,
                                              const DistanceWeightedOptions& options) {
  detail::check_embeddings("distance_weighted_probabilities", embeddings);
  detail::check_labels("distance_weighted_probabilities", labels, embeddings);
  validate_fields("distance_weighted_probabilities", options);
  const auto x = detail::for_mining(embeddings);
  const auto relations = detail::relations(labels);
  const auto candidates = relations.negative & positives_of(relations, options).any(1, true);
  return detail::inverse_density_probabilities(pairwise_distances(x, x), candidates, x.size(1), options);
}

Triplets distance_weighted_triplets(const torch::Tensor& embeddings, const torch::Tensor& labels, Generator& generator,
                                    const DistanceWeightedOptions& options) {
  const auto probabilities = distance_weighted_probabilities(embeddings, labels, options);
  const auto relations = detail::relations(labels);
  const auto candidates = positives_of(relations, options);
  const auto anchors = detail::anchors_with(candidates, relations.negative);
  const auto draw = [&](const torch::Tensor& weights) {
    return detail::draw_columns(weights.index_select(0, anchors), generator.uniform({anchors.size(0)}, torch::kFloat64));
  };
  const auto positives = draw(candidates);
  return {anchors, positives, draw(probabilities)};
}

}  // namespace diva
