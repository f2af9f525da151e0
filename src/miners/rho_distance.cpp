#include "candidates.hpp"

#include <diva/core/checks.hpp>
#include <diva/miners/distance_weighted.hpp>
#include <diva/miners/rho_distance.hpp>

namespace diva::inline v0_1 {

Triplets rho_distance_triplets(const Comparison& comparison, Generator& generator, const RhoDistanceOptions& options) {
  validate_fields("rho_distance_triplets", options);
  if (comparison.reference)
    detail::fail<OptionError>("rho_distance_triplets", "reference", "none: a turned triplet has its anchor as positive", "one");
  const auto [anchors, positive, negative] = detail::candidates("rho_distance_triplets", comparison);
  const auto probabilities = detail::inverse_density_probabilities(
      detail::mining_distances(comparison, anchors), negative != 0, comparison.embeddings.size(1),
      {.lower_cutoff = options.lower_cutoff, .upper_cutoff = options.upper_cutoff});
  const auto positives = detail::draw(positive, generator), negatives = detail::draw(probabilities, generator);
  const auto turned = generator.uniform({anchors.size(0)}, torch::TensorOptions(torch::kFloat64).device(anchors.device())) <
                      options.switch_probability;
  return {anchors, torch::where(turned, anchors, positives), torch::where(turned, positives, negatives)};
}

}  // namespace diva::inline v0_1
