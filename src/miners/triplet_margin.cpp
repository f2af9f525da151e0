#include "candidates.hpp"
#include "fused_mining.hpp"

#include <diva/miners/triplet_margin.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace diva::inline v0_1 {
namespace {

// The bounds of D_an − D_ap, the lower one excluded.
std::pair<double, double> bounds(const TripletMarginMinerOptions& options) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  switch (options.kind) {
    case TripletKind::easy:
      return {options.margin, infinity};
    case TripletKind::hard:
      return {-infinity, std::min(options.margin, 0.0)};
    case TripletKind::semihard:
      return {0, options.margin};
    case TripletKind::all:
      break;
  }
  return {-infinity, options.margin};
}

}  // namespace

Triplets triplet_margin_triplets(const Comparison& comparison, const TripletMarginMinerOptions& options) {
  validate_fields("triplet_margin_triplets", options);
  detail::check_comparison("triplet_margin_triplets", comparison);
  const auto [lower, upper] = bounds(options);
  const double low = lower, high = upper;
  if (const auto triplets = detail::fused_triplets("triplet_margin_triplets", comparison, options.distance, low, high))
    return *triplets;
  const auto candidates = detail::candidates("triplet_margin_triplets", comparison);
  const auto distances = detail::mining_distances(comparison, candidates.anchors, options.distance);
  return detail::triplets_where("triplet_margin_triplets", candidates,
                                [&](const torch::Tensor& rows, const torch::Tensor& positives) {
                                  const auto of_rows = distances.index_select(0, rows);
                                  const auto slack = of_rows - of_rows.gather(1, positives.unsqueeze(1));
                                  return (slack > low) & (slack <= high);
                                });
}

}  // namespace diva::inline v0_1
