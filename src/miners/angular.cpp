#include "candidates.hpp"

#include <diva/miners/angular.hpp>

#include <cmath>
#include <numbers>

namespace diva::inline v0_1 {

Triplets angular_triplets(const Comparison& comparison, const AngularMinerOptions& options) {
  validate_fields("angular_triplets", options);
  const auto candidates = detail::candidates("angular_triplets", comparison);
  const auto x = detail::for_mining(comparison.embeddings).index_select(0, candidates.anchors);
  const auto r = detail::for_mining(comparison.reference_embeddings()).to(x.scalar_type());
  const double slope = 2 * std::tan(options.angle * std::numbers::pi / 180);
  return detail::triplets_where("angular_triplets", candidates, [&](const torch::Tensor& rows, const torch::Tensor& positives) {
    const auto anchor = x.index_select(0, rows), positive = r.index_select(0, positives);
    return distance(anchor, positive).unsqueeze(1) > slope * pairwise_distances((anchor + positive) / 2, r);
  });
}

}  // namespace diva::inline v0_1
