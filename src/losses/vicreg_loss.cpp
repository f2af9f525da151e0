#include <diva/core/checks.hpp>
#include <diva/losses/vicreg_loss.hpp>

namespace diva::inline v0_1 {

VicregLoss::VicregLoss(const VicregLossOptions& options) : options_(options) { validate_fields("VicregLoss", options); }

torch::Tensor VicregLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  if (!std::holds_alternative<std::monostate>(tuples))
    detail::fail<OptionError>("vicreg loss", "tuples", "none: each row is paired with the same row of the other view", "some");
  const auto &first = comparison.embeddings, &second = comparison.reference_embeddings();
  detail::check_shape("vicreg loss", "reference.embeddings", second, first.sizes());
  auto loss = options_.invariance * detail::mean_or_zero((first - second).square());
  const auto samples = first.size(0), dims = first.size(1);
  if (samples < 2) return loss;
  const double each = options_.variance * (options_.variant == Variant::paper ? 1 : 0.5);
  const auto diagonal = torch::eye(dims, first.options().dtype(torch::kBool).requires_grad(false));
  for (const auto& view : {first, second}) {
    loss = loss + each * (1 - (view.var(0) + options_.epsilon).sqrt()).relu().mean();
    const auto centred = view - view.mean(0);
    const auto covariance = centred.t().mm(centred) / static_cast<double>(samples - 1);
    loss = loss + options_.covariance / static_cast<double>(dims) * covariance.masked_fill(diagonal, 0).square().sum();
  }
  return loss;
}

}  // namespace diva::inline v0_1
