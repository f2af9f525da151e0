#include <diva/core/checks.hpp>
#include <diva/miners/tuples.hpp>

namespace diva::inline v0_1 {
namespace detail {

torch::Tensor draw_columns(const torch::Tensor& weights, const torch::Tensor& uniform) {
  if (weights.size(0) == 0) return torch::empty({0}, weights.options().dtype(torch::kInt64));
  const auto cumulative = weights.to(torch::kFloat64).cumsum(1);
  const auto target = uniform.to(cumulative.options()).unsqueeze(1) * cumulative.narrow(1, cumulative.size(1) - 1, 1);
  const auto column = (cumulative <= target).sum(1);
  // Rounding may put the target on the total: stay on the last column that has weight.
  const auto last = weights.size(1) - 1 - (weights > 0).flip(1).to(torch::kUInt8).argmax(1);
  return torch::minimum(column, last);
}

torch::Tensor for_mining(const torch::Tensor& embeddings) {
  const auto values = embeddings.detach();
  return values.scalar_type() == torch::kFloat64 ? values : values.to(torch::kFloat32);
}

}  // namespace detail
}  // namespace diva::inline v0_1
