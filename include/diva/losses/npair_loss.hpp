#pragma once

#include <diva/core/options.hpp>
#include <diva/distances/distance.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/reducer.hpp>

namespace diva::inline v0_1 {

struct NPairLossOptions {
  double norm_penalty = 0.005;  ///< Weight of the mean length of the embeddings, which the dot product would let grow; ≥ 0.
  double embedding_scale = 1;   ///< Embeddings are multiplied by it first; > 0. The seed takes 1/4 for BN-Inception.
  /// `fixed`: every positive pair, against the negatives of its anchor; `paper`, `pml`: one pair a class, against the positives of
  /// the other classes' pairs; `repo`: as fixed, but the anchor's other positives are negatives too, as the DiVA code's miner has
  /// it.
  Variant variant = Variant::fixed;
  DistanceOptions distance = {.kind = Distance::dot};  ///< Similarities are compared; PML normalises.
  ReducerOptions reducer = {};                         ///< Over positive pairs.
};

template <class Visitor>
void describe(NPairLossOptions& options, Visitor&& visit) {
  visit("norm_penalty", options.norm_penalty, "weight of the mean length of the embeddings", non_negative);
  visit("embedding_scale", options.embedding_scale, "embeddings are multiplied by it first", positive);
  visit("variant", options.variant, "fixed: every pair; paper, pml: one pair a class; repo: other positives are negatives too",
        any_value);
  visit("distance", options.distance, "whose similarities are compared", any_value);
  visit("reducer", options.reducer, "over positive pairs", any_value);
}

/// The cross entropy of a positive among all negatives at once.
///
///   L = reduce_(a,p) log( 1 + Σ_n exp(x_a·x_n − x_a·x_p) ) + λ mean_i ‖x_i‖,   reduce = mean
///
/// Source:  Sohn, Improved Deep Metric Learning with Multi-class N-pair Loss Objective, NIPS 2016, eq. 7. Reference: the seed's
///          criteria/npair.py; PML's NPairsLoss.
/// Differs: the seed draws one positive an anchor; without tuples we take all. Pairs of the miner npair are taken as they are.
/// Shapes:  embeddings [B, D]; labels [B] int64 (always needed for one pair a class) -> scalar.
/// Edge:    no positive pair: 0, without the penalty too. An anchor without negatives: 0 for its pairs. All embeddings equal:
///          log(1 + negatives).
/// Cost:    that of pairwise_loss; one pair a class: of C anchors. Gradient reaches embeddings.
/// Throws:  OptionError (range; a reference for one pair a class, which needs both samples of a class from the batch).
class NPairLoss final : public Loss {
 public:
  explicit NPairLoss(const NPairLossOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "npair"; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;
  [[nodiscard]] bool one_pair_a_class() const { return options_.variant == Variant::paper || options_.variant == Variant::pml; }
  [[nodiscard]] bool takes_reference() const override { return !one_pair_a_class(); }

  NPairLossOptions options_;
};

}  // namespace diva::inline v0_1
