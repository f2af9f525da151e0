#pragma once

#include <diva/core/options.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/reducer.hpp>

namespace diva::inline v0_1 {

struct ThresholdConsistentMarginLossOptions {
  double positive_margin = 0.9;  ///< m⁺: positives less similar than this are pulled; cosine, in [-1, 1].
  double negative_margin = 0.5;  ///< m⁻: negatives more similar than this are pushed; cosine, in [-1, 1].
  double positive_weight = 1;    ///< λ⁺; ≥ 0.
  double negative_weight = 1;    ///< λ⁻; ≥ 0.
  ReducerOptions reducer = {.kind = Reduction::non_zero_mean};  ///< Of positive and of negative pairs separately.
};

template <class Visitor>
void describe(ThresholdConsistentMarginLossOptions& options, Visitor&& visit) {
  visit("positive_margin", options.positive_margin, "positives less similar than this are pulled", between(-1, 1));
  visit("negative_margin", options.negative_margin, "negatives more similar than this are pushed", between(-1, 1));
  visit("positive_weight", options.positive_weight, "λ⁺: weight of positives", non_negative);
  visit("negative_weight", options.negative_weight, "λ⁻: weight of negatives", non_negative);
  visit("reducer", options.reducer, "of positive and of negative pairs separately", any_value);
}

/// TCM: the same similarity threshold for all classes, by pulling and pushing only pairs on the wrong side of fixed margins. A
/// regulariser: add it to another criterion by MultipleLosses.
///
///   L = λ⁺ mean_(s_ap < m⁺) ( m⁺ − s_ap ) + λ⁻ mean_(s_an > m⁻) ( s_an − m⁻ ),   s cosine
///
/// Source:  Zhang et al., Threshold-Consistent Margin Loss for Open-World Deep Metric Learning, ICLR 2024, eq. 4; arXiv 2307.04047.
///          pytorch-metric-learning 2.8.1, ThresholdConsistentMarginLoss.
/// Differs: a pair exactly at its margin, whose loss is 0, is not counted; PML reads positives from the batch where it was given a
///          reference.
/// Shapes:  embeddings [B, D]; labels [B] int64; tuples, a relation and a reference -> scalar.
/// Edge:    no pair on the wrong side: 0. Limit: all embeddings equal: λ⁻ (1 − m⁻).
/// Cost:    given tuples: O((P + N)·D) time and memory. All pairs: that of pairwise_loss. Gradient reaches embeddings and
///          reference.
class ThresholdConsistentMarginLoss final : public Loss {
 public:
  explicit ThresholdConsistentMarginLoss(const ThresholdConsistentMarginLossOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "threshold_consistent_margin"; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;

  ThresholdConsistentMarginLossOptions options_;
};

}  // namespace diva::inline v0_1
