#include <torch/csrc/autograd/functions/utils.h>
#include <torch/utils.h>
#include <diva/core/gradient.hpp>

#include <utility>

#include "torch_version.hpp"

namespace diva::inline v0_1::detail {
namespace {

struct GradientNode final : torch::autograd::Node {
  explicit GradientNode(Backward function) : backward(std::move(function)) {}

  torch::autograd::variable_list apply(torch::autograd::variable_list&& gradients) override {
    if (!gradients[0].defined()) return torch::autograd::variable_list(num_outputs());
    const torch::NoGradGuard no_gradient;
    return backward(gradients[0]);
  }

  Backward backward;
};

}  // namespace

torch::Tensor with_gradient(torch::Tensor value, const std::vector<torch::Tensor>& inputs, Backward backward) {
  bool needed = false;
  for (const auto& input : inputs) needed = needed || input.requires_grad();
  if (!needed || !torch::GradMode::is_enabled()) return value;
  const auto node = make_node<GradientNode>(std::move(backward));
  node->set_next_edges(torch::autograd::collect_next_edges(inputs));
  torch::autograd::set_history(value, node);
  return value;
}

}  // namespace diva::inline v0_1::detail
