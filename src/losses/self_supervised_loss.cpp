#include <diva/core/checks.hpp>
#include <diva/losses/self_supervised_loss.hpp>

#include "sum_of_one.hpp"

namespace diva::inline v0_1 {

torch::Tensor self_supervised_loss(Loss& loss, const torch::Tensor& first, const torch::Tensor& second,
                                   const SelfSupervisedOptions& options) {
  detail::check_embeddings("self_supervised_loss", first, "first");
  detail::check_shape("self_supervised_loss", "second", second, first.sizes());
  const auto labels = torch::arange(first.size(0), torch::TensorOptions(first.device()).dtype(torch::kInt64));
  if (options.symmetric) return loss.forward(torch::cat({first, second}), torch::cat({labels, labels}));
  return loss.forward(first, labels, {}, Reference{second, labels});
}

SelfSupervisedLoss::SelfSupervisedLoss(std::shared_ptr<Loss> loss, const SelfSupervisedOptions& options)
    : loss_(std::move(loss)), options_(options) {
  detail::sum_of_one(loss_);  // refuses a missing criterion
}

torch::Tensor SelfSupervisedLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const auto& x = comparison.embeddings;
  if (!std::holds_alternative<std::monostate>(tuples))
    detail::fail<OptionError>("self_supervised loss", "tuples", "none: each row is paired with its other view", "some");
  if (comparison.reference) return self_supervised_loss(*loss_, x, comparison.reference->embeddings, options_);
  const auto half = x.size(0) / 2;
  if (2 * half != x.size(0))
    detail::fail<ShapeError>("self_supervised loss", "embeddings", "two views of each sample, one half each", detail::describe(x));
  return self_supervised_loss(*loss_, x.narrow(0, 0, half), x.narrow(0, half, half), options_);
}

std::vector<NamedTensor> SelfSupervisedLoss::named_parameters() const { return detail::sum_of_one(loss_).named_parameters(); }
std::vector<NamedTensor> SelfSupervisedLoss::named_buffers() const { return detail::sum_of_one(loss_).named_buffers(); }
State SelfSupervisedLoss::state() const { return detail::sum_of_one(loss_).state(); }
void SelfSupervisedLoss::restore(const State& state) { detail::sum_of_one(loss_).restore(state); }

}  // namespace diva::inline v0_1
