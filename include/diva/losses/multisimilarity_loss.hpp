#pragma once

#include <diva/core/options.hpp>
#include <diva/distances/distance.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/reducer.hpp>

namespace diva::inline v0_1 {

struct MultiSimilarityLossOptions {
  double positive_weight = 2;   ///< α: sharpness for positives; > 0.
  double negative_weight = 40;  ///< β: sharpness for negatives; > 0. PML's is 50.
  double threshold = 0.5;       ///< λ: similarity (or for distances, distance) at which a pair weighs e⁰.
  double margin = 0.1;          ///< ε: how much easier than the hardest pair of the other kind a pair may be to be mined.
  bool mine = true;             ///< Leave out easy pairs, as the paper; PML's loss does not (its MultiSimilarityMiner does).
  /// `fixed`, `repo`: reduce over the anchors that have mined pairs of both kinds; `paper`, `pml`: over all anchors of the batch.
  Variant variant = Variant::fixed;
  DistanceOptions distance = {.kind = Distance::dot};  ///< PML's is cosine; the same for embeddings of length 1.
  ReducerOptions reducer = {};                         ///< Over anchors.
};

template <class Visitor>
void describe(MultiSimilarityLossOptions& options, Visitor&& visit) {
  visit("positive_weight", options.positive_weight, "α: sharpness for positives", positive);
  visit("negative_weight", options.negative_weight, "β: sharpness for negatives", positive);
  visit("threshold", options.threshold, "λ: similarity at which a pair weighs e⁰", any_value);
  visit("margin", options.margin, "ε: how much easier than the hardest of the other kind a mined pair may be", any_value);
  visit("mine", options.mine, "leave out easy pairs", any_value);
  visit("variant", options.variant, "fixed, repo: over anchors with mined pairs of both kinds; paper, pml: over all", any_value);
  visit("distance", options.distance, "whose similarities are weighed", any_value);
  visit("reducer", options.reducer, "over anchors", any_value);
}

/// Weighs each pair by its own similarity and by those of the others of its anchor.
///
///   L = reduce_a [ 1/α log(1 + Σ_(p∈P_a) exp(−α (s_ap − λ))) + 1/β log(1 + Σ_(n∈N_a) exp(β (s_an − λ))) ],
///   P_a = {p: s_ap − ε < max_n s_an},   N_a = {n: s_an + ε > min_p s_ap},   reduce = mean
///
/// Source:  Wang et al., Multi-Similarity Loss with General Pair Weighting, CVPR 2019, eq. 11–16; arXiv 1904.06627. Reference: the
///          seed's criteria/multisimilarity.py; PML's MultiSimilarityLoss.
/// Differs: the seed fails when an anchor has no positive; here it is left out (or 0, see `variant`).
/// Shapes:  embeddings [B, D]; labels [B] int64; pairs or triplets -> scalar.
/// Edge:    no pair mined: 0. Limit: all similarities far beyond λ on the right side, without mining: 0.
/// Cost:    that of pairwise_loss. Gradient reaches embeddings.
class MultiSimilarityLoss final : public Loss {
 public:
  explicit MultiSimilarityLoss(const MultiSimilarityLossOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "multisimilarity"; }
  [[nodiscard]] bool takes_tuples() const override { return false; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;

  MultiSimilarityLossOptions options_;
};

}  // namespace diva::inline v0_1
