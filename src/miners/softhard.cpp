#include "candidates.hpp"

#include <diva/miners/softhard.hpp>

namespace diva::inline v0_1 {
Triplets softhard_triplets(const Comparison& comparison, Generator& generator) {
  const auto [anchors, positive, negative] = detail::candidates("softhard_triplets", comparison);
  if (anchors.size(0) == 0) return detail::no_triplets(comparison);
  const auto [hard_positive, hard_negative] = detail::hard_rows(detail::mining_distances(comparison, anchors), positive, negative);
  const auto positives = detail::draw(detail::preferred(hard_positive, positive), generator);
  return {anchors, positives, detail::draw(detail::preferred(hard_negative, negative), generator)};
}

}  // namespace diva::inline v0_1
