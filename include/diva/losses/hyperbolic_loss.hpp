#pragma once

#include <diva/core/options.hpp>
#include <diva/distances/distance.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/reducer.hpp>

namespace diva::inline v0_1 {

struct HyperbolicLossOptions {
  double temperature = 0.2;                                   ///< τ; > 0.
  DistanceOptions distance = {.kind = Distance::hyperbolic};  ///< With its curvature and clip radius.
  ReducerOptions reducer = {};                                ///< Over positive pairs.
};

template <class Visitor>
void describe(HyperbolicLossOptions& options, Visitor&& visit) {
  visit("temperature", options.temperature, "τ", positive);
  visit("distance", options.distance, "with its curvature and clip radius", any_value);
  visit("reducer", options.reducer, "over positive pairs", any_value);
}

/// Cross-entropy of each positive against all negatives, by distances in the Poincaré ball. Embeddings come from the network as
/// they are, not normalised: their length says how sure it is.
///
///   L = reduce_(a,p) − log( e^(−D_ap/τ) / (e^(−D_ap/τ) + Σ_n e^(−D_an/τ)) )
///
/// Source:  Ermolov et al., Hyperbolic Vision Transformers: Combining Improvements in Metric Learning, CVPR 2022, eq. 6; arXiv
///          2203.10833. Reference code: htdt/hyp_metric, helpers.py and train.py.
/// Differs: the reference takes two samples of each class at a time and so needs classes of equal size; with two samples a class
///          the values are equal.
/// Shapes:  embeddings [B, D]; labels [B] int64; tuples, a relation, whose negative weights weigh the terms of the sum, and a
///          reference -> scalar.
/// Edge:    no positive pair: 0. Limit: all embeddings equal: log(1 + N⁻).
/// Cost:    that of pairwise_loss. Gradient reaches embeddings and reference.
class HyperbolicLoss final : public Loss {
 public:
  explicit HyperbolicLoss(const HyperbolicLossOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "hyperbolic"; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;

  HyperbolicLossOptions options_;
};

}  // namespace diva::inline v0_1
