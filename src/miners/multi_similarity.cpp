#include "candidates.hpp"
#include "fused_mining.hpp"

#include <diva/miners/multi_similarity.hpp>

#include <limits>

namespace diva::inline v0_1 {

Pairs multi_similarity_pairs(const Comparison& comparison, const MultiSimilarityMinerOptions& options) {
  validate_fields("multi_similarity_pairs", options);
  detail::check_comparison("multi_similarity_pairs", comparison);
  const detail::PairLimits limits = {.slack = options.margin, .by_extremes = true};
  if (const auto mined = detail::fused_mining(comparison, options.distance, limits)) return *mined;
  const auto [anchors, weighted_positive, weighted_negative] = detail::candidates("multi_similarity_pairs", comparison);
  const auto positive = weighted_positive != 0, negative = weighted_negative != 0;
  if (anchors.size(0) == 0) return detail::pairs_where(anchors, positive, negative);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const auto distances = detail::mining_distances(comparison, anchors, options.distance);
  const auto nearest_negative = distances.masked_fill(~negative, infinity).amin(1, true);
  const auto farthest_positive = distances.masked_fill(~positive, -infinity).amax(1, true);
  return detail::pairs_where(anchors, positive & (distances + options.margin > nearest_negative),
                             negative & (distances - options.margin < farthest_positive));
}

}  // namespace diva::inline v0_1
