#include "candidates.hpp"

#include <diva/miners/lifted.hpp>

namespace diva::inline v0_1 {

Pairs lifted_pairs(const Comparison& comparison) {
  const auto [anchors, positive, negative] = detail::candidates("lifted_pairs", comparison, detail::AnchorNeeds::positive);
  return detail::pairs_where(anchors, positive != 0, negative != 0);
}

}  // namespace diva::inline v0_1
