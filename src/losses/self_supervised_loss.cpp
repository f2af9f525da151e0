#include <diva/core/checks.hpp>
#include <diva/losses/self_supervised_loss.hpp>

namespace diva {

torch::Tensor self_supervised_loss(Loss& loss, const torch::Tensor& first, const torch::Tensor& second,
                                   const SelfSupervisedOptions& options) {
  detail::check_embeddings("self_supervised_loss", first, "first");
  detail::check_shape("self_supervised_loss", "second", second, first.sizes());
  const auto labels = torch::arange(first.size(0), torch::TensorOptions(first.device()).dtype(torch::kInt64));
  if (options.symmetric) return loss.forward(torch::cat({first, second}), torch::cat({labels, labels}));
  return loss.forward(first, labels, {}, Reference{second, labels});
}

}  // namespace diva
