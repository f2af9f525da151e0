#include <diva/core/checks.hpp>
#include <diva/miners/tuples.hpp>

namespace diva {
namespace {

void check_alone(std::string_view function, const torch::Tensor& labels) {
  if (!labels.defined() || labels.dim() != 1 || labels.scalar_type() != torch::kInt64) {
    detail::fail<ShapeError>(function, "labels", "[batch] int64", detail::describe(labels));
  }
}

}  // namespace

Triplets all_triplets(const torch::Tensor& labels) {
  check_alone("all_triplets", labels);
  const auto relations = detail::relations(labels);
  constexpr std::int64_t limit = std::int64_t{1} << 27;
  const auto count = (relations.positive.sum(1) * relations.negative.sum(1)).sum().item<std::int64_t>();
  if (count > limit) {
    detail::fail<DataError>("all_triplets", "labels", "of at most 2^27 triplets (use a miner)",
                            std::to_string(count) + " triplets");
  }
  const auto pairs = relations.positive.nonzero();  // [P, 2]: anchor, positive
  const auto members = relations.negative.index_select(0, pairs.select(1, 0)).nonzero();
  const auto chosen = pairs.index_select(0, members.select(1, 0));
  return {chosen.select(1, 0).contiguous(), chosen.select(1, 1).contiguous(), members.select(1, 1).contiguous()};
}

Pairs all_pairs(const torch::Tensor& labels) {
  check_alone("all_pairs", labels);
  const auto relations = detail::relations(labels);
  const auto positive = relations.positive.nonzero(), negative = relations.negative.nonzero();
  return {positive.select(1, 0).contiguous(), positive.select(1, 1).contiguous(), negative.select(1, 0).contiguous(),
          negative.select(1, 1).contiguous()};
}

namespace detail {

Relations relations(const torch::Tensor& labels) {
  const auto same = labels.unsqueeze(1) == labels.unsqueeze(0);
  return {same & ~torch::eye(labels.size(0), same.options()), ~same};
}

torch::Tensor draw_columns(const torch::Tensor& weights, const torch::Tensor& uniform) {
  if (weights.size(0) == 0) return torch::empty({0}, weights.options().dtype(torch::kInt64));
  const auto cumulative = weights.to(torch::kFloat64).cumsum(1);
  const auto target = uniform.to(cumulative.options()).unsqueeze(1) * cumulative.narrow(1, cumulative.size(1) - 1, 1);
  const auto column = (cumulative <= target).sum(1);
  // Rounding may put the target on the total: stay on the last column that has weight.
  const auto last = weights.size(1) - 1 - (weights > 0).flip(1).to(torch::kUInt8).argmax(1);
  return torch::minimum(column, last);
}

torch::Tensor anchors_with(const torch::Tensor& positive, const torch::Tensor& negative) {
  return (positive.any(1) & negative.any(1)).nonzero().view(-1);
}

torch::Tensor for_mining(const torch::Tensor& embeddings) {
  const auto values = embeddings.detach();
  return values.scalar_type() == torch::kFloat64 ? values : values.to(torch::kFloat32);
}

}  // namespace detail
}  // namespace diva
