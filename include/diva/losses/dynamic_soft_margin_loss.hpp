#pragma once

#include <diva/core/options.hpp>
#include <diva/distances/distance.hpp>
#include <diva/losses/loss.hpp>

namespace diva::inline v0_1 {

struct DynamicSoftMarginLossOptions {
  double minimum = -2;     ///< Left end of the histogram of D_ap − D_an, whose right end is its negative; < 0.
  std::int64_t bins = 10;  ///< Of the histogram; ≥ 2.
  double momentum = 0.01;  ///< Share of the batch in the histogram, which starts as that of the first batch; in (0, 1].
  /// `pml`: the batch enters the histogram with a weight of momentum times its number of triplets, and the gradient of the weights
  /// counts.
  Variant variant = Variant::fixed;
  DistanceOptions distance = {.normalize = true};  ///< Of a range that the histogram covers.
};

template <class Visitor>
void describe(DynamicSoftMarginLossOptions& options, Visitor&& visit) {
  visit("minimum", options.minimum, "left end of the histogram of D_ap − D_an", Bounds{.upper = 0, .upper_open = true});
  visit("bins", options.bins, "of the histogram", at_least(2));
  visit("momentum", options.momentum, "share of the batch in the histogram", Bounds{.lower = 0, .upper = 1, .lower_open = true});
  visit("variant", options.variant, "pml: the batch weighs as many times as it has triplets; gradient of the weights", any_value);
  visit("distance", options.distance, "of a range that the histogram covers", any_value);
}

/// No margin to choose: a triplet weighs what share of all recent triplets is easier than it.
///
///   L = 1/T Σ_(a,p,n) C(v) v,   v = D_ap − D_an,   C = cumulative histogram of v, a running mean over batches
///
/// Source:  Zhang & Rusinkiewicz, Learning Local Descriptors with a CDF-Based Dynamic Soft Margin, ICCV 2019, eq. 6;
///          pytorch-metric-learning 2.8.1, DynamicSoftMarginLoss.
/// Differs: weights are statistics, without a gradient, and the running mean is one of distributions; `variant` as PML, which also
///          keeps the graph of past batches (so its second backward fails), loses the histogram from its state, and fails for
///          v ≥ −minimum − width.
/// Shapes:  embeddings [B, D]; labels [B] int64; triplets, or a relation, whose weights only say which; a reference -> scalar.
/// Edge:    no triplet: 0, and the histogram stays. Values beyond an end count in the last bin there; NaN passes on to the value
///          and stays out of the histogram.
/// Cost:    O(T) time. Given triplets: O(T·D) memory; all triplets are streamed: memory of pairwise_loss. Each call moves the
///          histogram. Gradient reaches embeddings and reference.
class DynamicSoftMarginLoss final : public Loss {
 public:
  explicit DynamicSoftMarginLoss(const DynamicSoftMarginLossOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "dynamic_soft_margin"; }
  [[nodiscard]] std::vector<NamedTensor> named_buffers() const override { return {{"histogram", histogram_}}; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;

  DynamicSoftMarginLossOptions options_;
  torch::Tensor histogram_;  // [bins], sums to 1, or zeros before the first batch
};

}  // namespace diva::inline v0_1
