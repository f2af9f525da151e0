#include "candidates.hpp"

#include <diva/miners/anticollapse.hpp>
#include <diva/miners/distance_weighted.hpp>

namespace diva::inline v0_1 {
namespace {

// Weights of both sides as one: a pair of a relation may be a little of each.
torch::Tensor either(const torch::Tensor& a, const torch::Tensor& b) {
  return a.scalar_type() == torch::kBool && b.scalar_type() == torch::kBool ? a | b : a + b;
}

}  // namespace

Triplets anticollapse_triplets(const Comparison& comparison, Generator& generator, const AnticollapseOptions& options) {
  validate_fields("anticollapse_triplets", options);
  const auto [anchors, positive, negative] = detail::candidates("anticollapse_triplets", comparison);
  if (anchors.size(0) == 0) return detail::no_triplets(comparison);
  const auto distances = detail::mining_distances(comparison, anchors);
  if (options.kind == Anticollapse::distance) {
    const auto positives = detail::draw(positive, generator);
    const auto probabilities =
        detail::inverse_density_probabilities(distances, either(positive, negative) != 0, comparison.embeddings.size(1),
                                              {.lower_cutoff = options.lower_cutoff, .upper_cutoff = options.upper_cutoff});
    return {anchors, positives, detail::draw(probabilities, generator)};
  }
  const auto [hard_positive, hard_negative] = detail::hard_rows(distances, positive, negative);
  const auto positives = detail::draw(detail::preferred(hard_positive, positive), generator);
  const auto hard = either(hard_positive, hard_negative);
  return {anchors, positives,
          detail::draw(torch::where((hard != 0).any(1, true), hard, negative.to(hard.scalar_type())), generator)};
}

}  // namespace diva::inline v0_1
