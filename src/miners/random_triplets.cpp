#include "candidates.hpp"

#include <diva/miners/random_triplets.hpp>

namespace diva::inline v0_1 {

Triplets random_triplets(const Comparison& comparison, Generator& generator) {
  const auto [anchors, positive, negative] = detail::candidates("random_triplets", comparison);
  const auto positives = detail::draw(positive, generator);
  return {anchors, positives, detail::draw(negative, generator)};
}

}  // namespace diva::inline v0_1
