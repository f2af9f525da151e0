#pragma once

#include <diva/core/options.hpp>
#include <diva/distances/distance.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/reducer.hpp>

#include <array>
#include <utility>

namespace diva::inline v0_1 {

/// The two losses of this name.
enum class LiftedForm {
  generalized,  ///< Of each anchor: all of its positives against all of its negatives.
  structured,   ///< Of each positive pair: against the negatives of both.
};

constexpr auto enumerators(LiftedForm) {
  return std::array{std::pair{LiftedForm::generalized, "generalized"}, std::pair{LiftedForm::structured, "structured"}};
}

struct LiftedLossOptions {
  LiftedForm form = LiftedForm::generalized;
  double negative_margin = 1;   ///< m: distance from which negatives weigh less than e⁰.
  double positive_margin = 0;   ///< Subtracted from the distances of positives.
  double norm_penalty = 0.005;  ///< Weight of the mean length of the embeddings; ≥ 0.
  /// Of `generalized`. `repo`: in place of distances of pairs, what the seed's code measures under LibTorch 1.13: one number a
  /// dimension, the length of the differences of all positives (or negatives) in it. `pml`: anchors without positives or negatives
  /// count as if that sum were 1.
  Variant variant = Variant::fixed;
  DistanceOptions distance = {};
  ReducerOptions reducer = {};  ///< Over anchors, or over positive pairs.
};

template <class Visitor>
void describe(LiftedLossOptions& options, Visitor&& visit) {
  visit("form", options.form, "generalized: of each anchor; structured: of each positive pair", any_value);
  visit("negative_margin", options.negative_margin, "distance from which negatives weigh little", any_value);
  visit("positive_margin", options.positive_margin, "subtracted from the distances of positives", any_value);
  visit("norm_penalty", options.norm_penalty, "weight of the mean length of the embeddings", non_negative);
  visit("variant", options.variant, "repo: lengths a dimension in place of distances; pml: lonely anchors count", any_value);
  visit("distance", options.distance, "between the two of a pair", any_value);
  visit("reducer", options.reducer, "over anchors, or over positive pairs", any_value);
}

/// Each positive against a smooth maximum over all negatives.
///
///   generalized: L = reduce_a ( log Σ_p exp(D_ap − m_pos) + log Σ_n exp(m − D_an) )₊ + λ mean_i ‖x_i‖
///   structured:  L = reduce_(a,p) ½ ( log( Σ_n exp(m − D_an) + Σ_n' exp(m − D_pn') ) + D_ap − m_pos )₊² + λ mean_i ‖x_i‖,
///   n, n' the negatives of a and of p,   reduce = mean
///
/// Source:  structured: Oh Song et al., Deep Metric Learning via Lifted Structured Feature Embedding, CVPR 2016, eq. 4, arXiv
///          1511.06452; PML's LiftedStructureLoss. generalized: Hermans et al., In Defense of the Triplet Loss, 2017, eq. 8, arXiv
///          1703.07737; the seed's criteria/lifted.py; PML's GeneralizedLiftedStructureLoss.
/// Differs: the seed's distances depend on the version of LibTorch; see `variant`. It counts anchors without negatives as 0, we do
///          not count them.
/// Shapes:  embeddings [B, D]; labels [B] int64; pairs or triplets -> scalar.
/// Edge:    no anchor with a positive and a negative: 0 (and no penalty without a positive). All embeddings equal, generalized:
///          log(positives) + log(negatives) + m − m_pos.
/// Cost:    that of pairwise_loss; structured: twice. Gradient reaches embeddings.
/// Throws:  OptionError (range; a reference for structured, in which positives are anchors too).
class LiftedLoss final : public Loss {
 public:
  explicit LiftedLoss(const LiftedLossOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "lifted"; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;
  [[nodiscard]] bool takes_reference() const override { return options_.form != LiftedForm::structured; }
  [[nodiscard]] torch::Tensor generalized(const Comparison& comparison, const Tuples& tuples) const;
  [[nodiscard]] torch::Tensor structured(const Comparison& comparison, const Tuples& tuples) const;
  [[nodiscard]] torch::Tensor by_dimensions(const Comparison& comparison, const Tuples& tuples) const;

  LiftedLossOptions options_;
};

}  // namespace diva::inline v0_1
