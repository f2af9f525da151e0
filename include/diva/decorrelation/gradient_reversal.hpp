#pragma once

#include <torch/types.h>

namespace diva::inline v0_1 {

/// The identity whose gradient changes its sign: what is behind it climbs the loss that what is in front of it descends.
///
///   forward: y = x,   backward: ∂L/∂x = −scale · ∂L/∂y
///
/// Source:  Ganin and Lempitsky, Unsupervised Domain Adaptation by Backpropagation, ICML 2015; arXiv 1409.7495.
torch::Tensor gradient_reversal(const torch::Tensor& x, double scale = 1);

}  // namespace diva::inline v0_1
