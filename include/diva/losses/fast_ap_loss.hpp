#pragma once

#include <diva/core/options.hpp>
#include <diva/distances/distance.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/reducer.hpp>

namespace diva::inline v0_1 {

struct FastApLossOptions {
  std::int64_t bins = 10;  ///< L: intervals that the range of the distance is divided into; ≥ 1. Fewer are smoother.
  /// Euclidean, squared or cosine: the histogram needs a distance with a bound, so rows are normalised.
  DistanceOptions distance = {.kind = Distance::squared_euclidean, .normalize = true};
  ReducerOptions reducer = {};  ///< Over anchors that have a positive.
};

template <class Visitor>
void describe(FastApLossOptions& options, Visitor&& visit) {
  visit("bins", options.bins, "intervals that the range of the distance is divided into", at_least(1));
  visit("distance", options.distance, "euclidean, squared_euclidean or cosine of normalised rows", any_value);
  visit("reducer", options.reducer, "over anchors that have a positive", any_value);
}

/// One minus the average precision of each anchor's ranking, from histograms of its distances.
///
///   L = reduce_a ( 1 − 1/N⁺ Σ_(l = 0 … L) h⁺_l · H⁺_l / H_l ),   H = cumulative sums of h, h = h⁺ + h⁻ (see soft_histogram)
///
/// Source:  Cakir et al., Deep Metric Learning to Rank, CVPR 2019, eq. 8; pytorch-metric-learning 2.8.1, FastAPLoss.
/// Differs: given tuples say which pairs there are; PML ranks all and only weights anchors by how often they occur in the tuples.
/// Shapes:  embeddings [B, D]; labels [B] int64; tuples, a relation and a reference -> scalar.
/// Edge:    an anchor without a positive is left out; none has one: 0. Limit: all positives in nearer bins than all negatives: 0;
///          all embeddings equal: 1 − N⁺/N.
/// Cost:    that of pairwise_loss, whatever the number of bins. Gradient reaches embeddings and reference.
/// Throws:  OptionError for a distance without a bound.
class FastApLoss final : public Loss {
 public:
  explicit FastApLoss(const FastApLossOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "fast_ap"; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;

  FastApLossOptions options_;
};

}  // namespace diva::inline v0_1
