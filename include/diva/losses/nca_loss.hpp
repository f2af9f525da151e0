#pragma once

#include <diva/core/options.hpp>
#include <diva/distances/distance.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/reducer.hpp>

namespace diva::inline v0_1 {

struct NcaLossOptions {
  double scale = 1;                                                  ///< Multiplies distances before the softmax; > 0.
  DistanceOptions distance = {.kind = Distance::squared_euclidean};  ///< PML normalises.
  ReducerOptions reducer = {};                                       ///< Over anchors with a positive.
};

template <class Visitor>
void describe(NcaLossOptions& options, Visitor&& visit) {
  visit("scale", options.scale, "multiplies distances before the softmax", positive);
  visit("distance", options.distance, "what far means", any_value);
  visit("reducer", options.reducer, "over anchors with a positive", any_value);
}

/// The chance that a neighbour drawn by distance is of the anchor's class.
///
///   L = reduce_a −log( Σ_p exp(−σ D_ap) / Σ_(j≠a) exp(−σ D_aj) ),   reduce = mean
///
/// Source:  Goldberger et al., Neighbourhood Components Analysis, NIPS 2004, sec. 2, the information-theoretic form. Reference:
///          PML's NCALoss.
/// Differs: PML leaves out anchors whose chance is 0 in floating point, ours stays exact. Given tuples here say which pairs there
///          are; PML then keeps all pairs and weighs anchors by how often they occur.
/// Shapes:  embeddings [B, D]; labels [B] int64; pairs or triplets -> scalar.
/// Edge:    no anchor with a positive: 0. All embeddings equal: log((positives + negatives) / positives).
/// Cost:    that of pairwise_loss. Gradient reaches embeddings.
class NcaLoss final : public Loss {
 public:
  explicit NcaLoss(const NcaLossOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "nca"; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;

  NcaLossOptions options_;
};

}  // namespace diva::inline v0_1
