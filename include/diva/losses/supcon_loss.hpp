#pragma once

#include <diva/core/options.hpp>
#include <diva/distances/distance.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/reducer.hpp>

namespace diva::inline v0_1 {

struct SupConLossOptions {
  double temperature = 0.1;                                     ///< τ: similarities are divided by it; > 0.
  DistanceOptions distance = {.kind = Distance::cosine};        ///< Whose similarities are compared.
  ReducerOptions reducer = {.kind = Reduction::non_zero_mean};  ///< Over anchors with a positive.
};

template <class Visitor>
void describe(SupConLossOptions& options, Visitor&& visit) {
  visit("temperature", options.temperature, "similarities are divided by it", positive);
  visit("distance", options.distance, "whose similarities are compared", any_value);
  visit("reducer", options.reducer, "over anchors with a positive", any_value);
}

/// The cross entropy of each positive among all others, averaged over the positives of an anchor.
///
///   L = reduce_a −1/|P_a| Σ_(p∈P_a) log( exp(s_ap/τ) / Σ_(j≠a) exp(s_aj/τ) )
///
/// With weights from a relation, positives are averaged by theirs, and each term of the sum is multiplied by its own.
///
/// Source:  Khosla et al., Supervised Contrastive Learning, NeurIPS 2020, eq. 2 (L_out); arXiv 2004.11362. Reference: PML's
///          SupConLoss.
/// Differs: PML returns 0 for a batch without negatives; here positives still spread evenly among themselves, as in the paper.
/// Shapes:  embeddings [B, D]; labels [B] int64; pairs or triplets -> scalar.
/// Edge:    no anchor with a positive: 0. All embeddings equal: log(positives + negatives).
/// Cost:    that of pairwise_loss. Gradient reaches embeddings.
class SupConLoss final : public Loss {
 public:
  explicit SupConLoss(const SupConLossOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "supcon"; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;

  SupConLossOptions options_;
};

}  // namespace diva::inline v0_1
