#include <diva/core/checks.hpp>
#include <diva/core/normalize.hpp>

namespace diva::inline v0_1 {

torch::Tensor l2_normalize(const torch::Tensor& rows) {
  detail::check_embeddings("l2_normalize", rows, "rows");
  constexpr double shortest = 1e-12;
  return rows / rows.norm(2, 1, true).clamp_min(shortest);
}

}  // namespace diva::inline v0_1
