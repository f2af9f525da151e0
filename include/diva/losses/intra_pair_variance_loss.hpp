#pragma once

#include <diva/core/options.hpp>
#include <diva/distances/distance.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/reducer.hpp>

namespace diva::inline v0_1 {

struct IntraPairVarianceLossOptions {
  double positive_slack = 0.01;                           ///< ε of positives: share of their mean by which one may be worse.
  double negative_slack = 0.01;                           ///< ε of negatives.
  DistanceOptions distance = {.kind = Distance::cosine};  ///< Whose similarities are compared.
  ReducerOptions reducer = {};                            ///< Of positive and of negative pairs separately.
};

template <class Visitor>
void describe(IntraPairVarianceLossOptions& options, Visitor&& visit) {
  visit("positive_slack", options.positive_slack, "share of the mean of positives by which one may be worse", any_value);
  visit("negative_slack", options.negative_slack, "share of the mean of negatives by which one may be worse", any_value);
  visit("distance", options.distance, "whose similarities are compared", any_value);
  visit("reducer", options.reducer, "of positive and of negative pairs separately", any_value);
}

/// Positives no less similar than positives are on average, negatives no more.
///
///   L = reduce_(a,p) ( (1 − ε_p) s̄_p − s_ap )₊² + reduce_(a,n) ( s_an − (1 + ε_n) s̄_n )₊²,   s̄ the mean over all pairs of a kind,
///   with distances in place of similarities: ( D_ap − (1 + ε_p) D̄_p )₊² and ( (1 − ε_n) D̄_n − D_an )₊²,   reduce = mean
///
/// Source:  Yu and Tao, Deep Metric Learning with Tuplet Margin Loss, ICCV 2019, eq. 9. Reference: PML's IntraPairVarianceLoss. The
///          means have their gradient, as there.
/// Differs: nothing known. With weights from a relation, the mean is Σ w s over the number of pairs.
/// Shapes:  embeddings [B, D]; labels [B] int64; pairs or triplets -> scalar.
/// Edge:    no pair of a kind: that term is 0. All embeddings equal (cosine): 0.
/// Cost:    three times that of pairwise_loss. Gradient reaches embeddings.
class IntraPairVarianceLoss final : public Loss {
 public:
  explicit IntraPairVarianceLoss(const IntraPairVarianceLossOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "intra_pair_variance"; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;

  IntraPairVarianceLossOptions options_;
};

}  // namespace diva::inline v0_1
