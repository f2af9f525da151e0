#pragma once

#include <diva/core/options.hpp>
#include <diva/distances/distance.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/reducer.hpp>

namespace diva::inline v0_1 {

struct ContrastiveLossOptions {
  double positive_margin = 0;  ///< Positives nearer than this have no loss; Euclidean, ≥ 0.
  double negative_margin = 1;  ///< Negatives farther than this have no loss; Euclidean, ≥ 0.
  /// `repo`: distances are ‖a − b + 1e-6‖, the offset of torch's PairwiseDistance, which the seed calls.
  Variant variant = Variant::fixed;
  DistanceOptions distance = {};
  ReducerOptions reducer = {};  ///< Of positive and of negative pairs separately. PML's default is non_zero_mean.
};

template <class Visitor>
void describe(ContrastiveLossOptions& options, Visitor&& visit) {
  visit("positive_margin", options.positive_margin, "positives nearer than this have no loss", non_negative);
  visit("negative_margin", options.negative_margin, "negatives farther than this have no loss", non_negative);
  visit("variant", options.variant, "repo: the seed's distance with an offset of 1e-6 a dimension", any_value);
  visit("distance", options.distance, "between the two of a pair", any_value);
  visit("reducer", options.reducer, "of positive and of negative pairs separately", any_value);
}

/// Positives together, negatives at least a margin apart, each pair for itself.
///
///   L = reduce_(a,p) ( D_ap − m_pos )₊  +  reduce_(a,n) ( m_neg − D_an )₊,   reduce = mean
///
/// Source:  Hadsell et al., Dimensionality Reduction by Learning an Invariant Mapping, CVPR 2006, in the unsquared form of the
///          seed's criteria/contrastive.py.
/// Differs: the seed's offset of 1e-6 (see `variant`) makes D_ab ≠ D_ba; ours is symmetric, and the gradient at D = 0 is 0.
/// Shapes:  embeddings [B, D]; labels [B] int64; pairs, or triplets taken apart -> scalar.
/// Edge:    no positive pair or no negative pair: that term is 0. Limit: all embeddings equal: m_neg.
/// Cost:    given pairs: O((P + N)·D) time and memory. All pairs: that of pairwise_loss. Gradient reaches embeddings.
class ContrastiveLoss final : public Loss {
 public:
  explicit ContrastiveLoss(const ContrastiveLossOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "contrastive"; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;

  ContrastiveLossOptions options_;
};

}  // namespace diva::inline v0_1
