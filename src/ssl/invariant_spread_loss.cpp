#include <diva/core/checks.hpp>
#include <diva/ssl/invariant_spread_loss.hpp>

#include <limits>

namespace diva::inline v0_1 {

InvariantSpreadLoss::InvariantSpreadLoss(const InvariantSpreadOptions& options) : options_(options) {
  validate_fields("InvariantSpreadLoss", options);
}

torch::Tensor InvariantSpreadLoss::forward(const torch::Tensor& first, const torch::Tensor& second) const {
  constexpr auto function = "invariantspread loss";
  detail::check_embeddings(function, first, "first");
  detail::check_embeddings(function, second, "second");
  detail::check_shape(function, "second", second, first.sizes());
  const auto type = first.element_size() < 4 ? torch::kFloat32 : first.scalar_type();
  const auto batch = first.size(0);
  const auto x = torch::cat({first.to(type), second.to(type)});
  if (batch < 2) return x.sum() * 0;

  constexpr double nothing = -std::numeric_limits<double>::infinity();
  const auto marks = x.options().dtype(torch::kBool).requires_grad(false);
  const auto itself = torch::eye(2 * batch, marks);
  const auto logits = x.mm((options_.variant == Variant::repo ? x.detach() : x).t()) / options_.temperature;
  const auto others = logits.masked_fill(itself, nothing);
  const auto total = others.logsumexp(1, true);
  const auto positive = torch::cat({logits.diagonal(batch), logits.diagonal(-batch)}).unsqueeze(1) - total;

  // log(1 − P): from P itself where it is at most a half; for the largest P of a row, which may be 1 in this type, from the
  // exponentials of all others.
  const auto largest = torch::zeros_like(itself).scatter(1, others.detach().argmax(1, true), true);
  const auto rest = others.masked_fill(largest, nothing).logsumexp(1, true) - total;
  const auto chances = (others - total).exp().masked_fill(largest, 0);
  const auto spread = torch::where(largest, rest, (-chances).log1p());
  const auto own = itself.roll(batch, 1);  // the other view
  return -(positive.sum() + spread.masked_fill(itself | own, 0).sum()) / static_cast<double>(2 * batch);
}

}  // namespace diva::inline v0_1
