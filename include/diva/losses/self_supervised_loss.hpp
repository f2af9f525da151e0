#pragma once

#include <diva/losses/loss.hpp>

namespace diva {

struct SelfSupervisedOptions {
  bool symmetric = true;  ///< Both views are anchors and stand in one batch; otherwise the first is compared with the second.
};

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

}  // namespace diva
