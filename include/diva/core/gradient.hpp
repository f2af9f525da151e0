#pragma once

#include <torch/types.h>

#include <functional>
#include <vector>

namespace diva::inline v0_1::detail {

/// Gradients of the inputs, undefined where there is none, from the gradient of the value.
using Backward = std::function<std::vector<torch::Tensor>(const torch::Tensor& gradient)>;

/// `value`, computed without a graph, as a function of `inputs` whose gradient is known by other means than recorded operations:
/// one node of the graph that calls `backward`.
///
/// Edge:  no input requires a gradient, or gradients are switched off: `value` itself. The gradient has no graph of its own, so it
///        cannot be differentiated again. `backward` may be called more than once, and must not change what it captured.
torch::Tensor with_gradient(torch::Tensor value, const std::vector<torch::Tensor>& inputs, Backward backward);

}  // namespace diva::inline v0_1::detail
