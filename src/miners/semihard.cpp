#include "candidates.hpp"

#include <diva/miners/semihard.hpp>

namespace diva::inline v0_1 {

Triplets semihard_triplets(const Comparison& comparison, Generator& generator, const SemihardOptions& options) {
  validate_fields("semihard_triplets", options);
  const auto [anchors, positive, negative] = detail::candidates("semihard_triplets", comparison);
  const auto distances = detail::mining_distances(comparison, anchors);
  const auto positives = detail::draw(positive, generator);
  const auto reach = distances.gather(1, positives.unsqueeze(1));
  const auto semihard = detail::only_where(negative, (distances > reach) & (distances < reach + options.margin));
  return {anchors, positives, detail::draw(detail::preferred(semihard, negative), generator)};
}

}  // namespace diva::inline v0_1
