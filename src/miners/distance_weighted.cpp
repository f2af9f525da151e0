#include "candidates.hpp"

#include <diva/miners/distance_weighted.hpp>

namespace diva::inline v0_1 {

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

// The anchors of these options: for `repo` a sample without a positive is its own.
detail::Candidates candidates_of(const char* function, const Comparison& comparison, const DistanceWeightedOptions& options) {
  if (options.variant != Variant::repo || comparison.reference) return detail::candidates(function, comparison);
  const auto all = detail::candidates(function, comparison, detail::AnchorNeeds::nothing);
  const auto alone = torch::eye(comparison.size(), all.positive.options().dtype(torch::kBool)) & ~(all.positive != 0).any(1, true);
  const auto anchors = (all.negative != 0).any(1).nonzero().view(-1);
  return {anchors, all.positive.masked_fill(alone, 1).index_select(0, anchors), all.negative.index_select(0, anchors)};
}

// Probabilities of the anchors' rows.
torch::Tensor probabilities_of(const Comparison& comparison, const detail::Candidates& candidates,
                               const DistanceWeightedOptions& options) {
  const bool pml = options.variant == Variant::pml;
  const auto distances = detail::mining_distances(comparison, candidates.anchors, {.normalize = pml});
  const auto probabilities =
      detail::inverse_density_probabilities(distances, candidates.negative != 0, comparison.embeddings.size(1), options);
  return pml ? probabilities.masked_fill(distances >= options.upper_cutoff, 0) : probabilities;
}

}  // namespace

torch::Tensor distance_weighted_probabilities(const Comparison& comparison, const DistanceWeightedOptions& options) {
  validate_fields("distance_weighted_probabilities", options);
  const auto candidates = candidates_of("distance_weighted_probabilities", comparison, options);
  const auto rows = probabilities_of(comparison, candidates, options);
  return torch::zeros({comparison.size(), comparison.reference_size()}, rows.options()).index_copy(0, candidates.anchors, rows);
}

Triplets distance_weighted_triplets(const Comparison& comparison, Generator& generator, const DistanceWeightedOptions& options) {
  validate_fields("distance_weighted_triplets", options);
  auto [anchors, positive, negative] = candidates_of("distance_weighted_triplets", comparison, options);
  auto probabilities = probabilities_of(comparison, {anchors, positive, negative}, options);
  if (options.variant == Variant::pml) {
    auto counts = (positive != 0).sum(1);
    if (!comparison.reference) counts = counts + 1;
    const auto rows = torch::repeat_interleave(counts.masked_fill(~(probabilities > 0).any(1), 0));
    anchors = anchors.index_select(0, rows);
    positive = positive.index_select(0, rows);
    probabilities = probabilities.index_select(0, rows);
  }
  const auto positives = detail::draw(positive, generator);
  return {anchors, positives, detail::draw(probabilities, generator)};
}

}  // namespace diva::inline v0_1
