#include "candidates.hpp"

#include <diva/miners/triplet_margin.hpp>

namespace diva {

Triplets triplet_margin_triplets(const Comparison& comparison, const TripletMarginMinerOptions& options) {
  validate_fields("triplet_margin_triplets", options);
  const auto candidates = detail::candidates("triplet_margin_triplets", comparison);
  const auto distances = detail::mining_distances(comparison, candidates.anchors, options.distance);
  return detail::triplets_where("triplet_margin_triplets", candidates,
                                [&](const torch::Tensor& rows, const torch::Tensor& positives) {
                                  const auto of_rows = distances.index_select(0, rows);
                                  const auto slack = of_rows - of_rows.gather(1, positives.unsqueeze(1));
                                  switch (options.kind) {
                                    case TripletKind::easy:
                                      return slack > options.margin;
                                    case TripletKind::hard:
                                      return (slack <= options.margin) & (slack <= 0);
                                    case TripletKind::semihard:
                                      return (slack <= options.margin) & (slack > 0);
                                    case TripletKind::all:
                                      break;
                                  }
                                  return slack <= options.margin;
                                });
}

}  // namespace diva
