#pragma once

#include <diva/core/options.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/reducer.hpp>

namespace diva::inline v0_1 {

struct InstanceLossOptions {
  double scale = 64;  ///< γ: factor of the cosines; > 0.
  /// `pml`: the right answer of a sample is the batch's sample whose index is the rank of its label among the labels of the batch.
  Variant variant = Variant::fixed;
  ReducerOptions reducer = {};  ///< Over samples.
};

template <class Visitor>
void describe(InstanceLossOptions& options, Visitor&& visit) {
  visit("scale", options.scale, "factor of the cosines", positive);
  visit("variant", options.variant, "pml: the right answer is the sample whose index is the rank of the label", any_value);
  visit("reducer", options.reducer, "over samples", any_value);
}

/// Each sample of the batch is a class with its own embedding for weights, and samples of one label are all right answers.
///
///   L = reduce_i −log Σ_(j: y_j = y_i) softmax_j( γ·cos θ_ij )[j],   j over the batch with i itself;   reduce = mean
///
/// Source:  after Zheng et al., Dual-Path Convolutional Image-Text Embeddings with Instance Loss, TOMM 2020, eq. 4; arXiv
///          1711.05535, where the weights are learned (that is SoftmaxLoss with a class for each instance). Reference: PML's
///          InstanceLoss.
/// Differs: PML means a class by its rank but looks up a sample by it, so that the value depends on the order of the batch
///          (`variant = Variant::pml` does the same). Where labels are 0, 1, 2, … in this order, or where PML is given none, both
///          agree.
/// Shapes:  embeddings [B, D]; labels [B] int64 -> scalar. Given tuples, the pairs among them and the sample itself count; with a
///          reference, its embeddings are the weights, and a sample without a positive among them is left out.
/// Edge:    one sample, or one class: 0. Limit: all embeddings equal, with n_i of label y_i: log(B/n_i).
/// Cost:    that of pairwise_loss. Gradient reaches embeddings and the reference's.
/// Throws:  OptionError (range; variant pml with tuples or a reference).
class InstanceLoss final : public Loss {
 public:
  explicit InstanceLoss(const InstanceLossOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "instance"; }
  [[nodiscard]] bool takes_tuples() const override { return false; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;
  [[nodiscard]] bool takes_reference() const override { return options_.variant != Variant::pml; }

  InstanceLossOptions options_;
};

}  // namespace diva::inline v0_1
