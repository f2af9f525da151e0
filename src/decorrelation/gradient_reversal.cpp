#include <diva/decorrelation/gradient_reversal.hpp>

#include <torch/autograd.h>

namespace diva::inline v0_1 {
namespace {

struct Reversal : torch::autograd::Function<Reversal> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x, double scale) {
    context->saved_data["scale"] = scale;
    return x.view_as(x);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradient) {
    return {gradient[0] * -context->saved_data["scale"].toDouble(), torch::Tensor()};
  }
};

}  // namespace

torch::Tensor gradient_reversal(const torch::Tensor& x, double scale) { return Reversal::apply(x, scale); }

}  // namespace diva::inline v0_1
