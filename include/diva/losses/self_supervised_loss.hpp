#pragma once

#include <diva/core/options.hpp>
#include <diva/losses/loss.hpp>

#include <memory>

namespace diva::inline v0_1 {

struct SelfSupervisedOptions {
  bool symmetric = true;  ///< Both views are anchors and stand in one batch; otherwise the first is compared with the second.
};

template <class Visitor>
void describe(SelfSupervisedOptions& options, Visitor&& visit) {
  visit("symmetric", options.symmetric, "both views are anchors; otherwise the first is compared with the second", any_value);
}

/// Any criterion on two views of the same samples, each sample a class of its own.
///
///   symmetric:  loss([a; b], [1 … B, 1 … B]),   otherwise  loss(a, 1 … B; reference = b)
///
/// Source:  pytorch-metric-learning 2.8.1, SelfSupervisedLoss.
/// Differs: any criterion is taken; one that cannot compare so says so itself.
/// Shapes:  first, second [B, D] floating point -> scalar.
/// Throws:  ShapeError when the shapes differ, and what the criterion throws.
torch::Tensor self_supervised_loss(Loss& loss, const torch::Tensor& first, const torch::Tensor& second,
                                   const SelfSupervisedOptions& options = {});

/// self_supervised_loss as a criterion, which reads no labels: the second view is the reference, row by row, or, without one, the
/// second half of the batch.
///
/// Shapes:  embeddings [2B, D], or [B, D] with a reference of as many -> scalar.
/// Edge:    an empty batch: 0.
/// Throws:  ShapeError (an odd batch, a reference of another shape), OptionError (tuples given, no criterion), what the criterion
///          throws.
class SelfSupervisedLoss final : public Loss {
 public:
  explicit SelfSupervisedLoss(std::shared_ptr<Loss> loss, const SelfSupervisedOptions& options = {});

  [[nodiscard]] std::string_view name() const override { return "self_supervised"; }
  [[nodiscard]] std::optional<double> learning_rate() const override { return loss_->learning_rate(); }
  [[nodiscard]] bool takes_tuples() const override { return false; }
  [[nodiscard]] std::vector<NamedTensor> named_parameters() const override;
  [[nodiscard]] std::vector<NamedTensor> named_buffers() const override;
  /// Of the criterion, under `loss.`.
  [[nodiscard]] State state() const override;
  void restore(const State& state) override;

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;
  [[nodiscard]] bool needs_labels() const override { return false; }

  std::shared_ptr<Loss> loss_;
  SelfSupervisedOptions options_;
};

}  // namespace diva::inline v0_1
