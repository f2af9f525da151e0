#include <diva/core/checks.hpp>
#include <diva/miners/packaged_triplets.hpp>

namespace diva::inline v0_1 {

Triplets packaged_triplets(const Comparison& comparison) {
  constexpr auto function = "packaged_triplets";
  detail::check_embeddings(function, comparison.embeddings);
  if (comparison.reference) detail::fail<OptionError>(function, "reference", "none: the batch holds whole triplets", "one");
  if (comparison.size() % 3 != 0)
    detail::fail<ShapeError>(function, "embeddings", "of 3·T rows: anchor, positive, negative in turn",
                             detail::describe(comparison.embeddings));
  const auto rows = torch::arange(comparison.size(), torch::TensorOptions(torch::kInt64).device(comparison.embeddings.device()));
  const auto member = [&](std::int64_t place) { return rows.view({-1, 3}).select(1, place).contiguous(); };
  if (comparison.size() == 0) return {rows, rows, rows};
  return {member(0), member(1), member(2)};
}

}  // namespace diva::inline v0_1
