#include "candidates.hpp"
#include "fused_mining.hpp"

#include <diva/miners/pair_margin.hpp>

namespace diva::inline v0_1 {

Pairs pair_margin_pairs(const Comparison& comparison, const PairMarginMinerOptions& options) {
  validate_fields("pair_margin_pairs", options);
  detail::check_comparison("pair_margin_pairs", comparison);
  const detail::PairLimits limits = {.positive = options.positive_margin, .negative = options.negative_margin};
  if (const auto mined = detail::fused_mining(comparison, options.distance, limits)) return *mined;
  const auto [anchors, positive, negative] = detail::candidates("pair_margin_pairs", comparison, detail::AnchorNeeds::nothing);
  const auto distances = detail::mining_distances(comparison, anchors, options.distance);
  return detail::pairs_where(anchors, (positive != 0) & (distances > options.positive_margin),
                             (negative != 0) & (distances < options.negative_margin));
}

}  // namespace diva::inline v0_1
