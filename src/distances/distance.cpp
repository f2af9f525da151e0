#include <diva/core/checks.hpp>
#include <diva/distances/distance.hpp>

namespace diva {
namespace {

constexpr double smallest_norm = 1e-12;  // below it a row counts as zero, as in torch's normalize

// √x whose gradient at 0 is 0 rather than infinite: two equal embeddings must not turn a step into NaN.
torch::Tensor safe_sqrt(const torch::Tensor& squares) {
  const auto zero = squares <= 0;
  return squares.masked_fill(zero, 1).sqrt().masked_fill(zero, 0);
}

torch::Tensor normalized(const torch::Tensor& rows) {
  return rows / safe_sqrt(rows.square().sum(1, true)).clamp_min(smallest_norm);
}

}  // namespace

torch::Tensor distance(const torch::Tensor& a, const torch::Tensor& b, Distance kind) {
  detail::check_embeddings("distance", a, "a");
  detail::check_shape("distance", "b", b, a.sizes());
  if (kind == Distance::cosine) return 1 - (normalized(a) * normalized(b)).sum(1);
  const auto squares = (a - b).square().sum(1);
  return kind == Distance::squared_euclidean ? squares : safe_sqrt(squares);
}

torch::Tensor pairwise_distances(const torch::Tensor& a, const torch::Tensor& b, Distance kind) {
  detail::check_embeddings("pairwise_distances", a, "a");
  detail::check_embeddings("pairwise_distances", b, "b");
  if (a.size(1) != b.size(1)) {
    detail::fail<ShapeError>("pairwise_distances", "b", "[B, " + std::to_string(a.size(1)) + "]", detail::describe(b));
  }
  torch::Tensor result;
  if (kind == Distance::cosine) {
    result = 1 - normalized(a).mm(normalized(b).t());
  } else {
    result = (a.square().sum(1, true) + b.square().sum(1).unsqueeze(0) - 2 * a.mm(b.t())).clamp_min(0);
  }
  if (a.is_same(b)) result = result.masked_fill(torch::eye(a.size(0), result.options().dtype(torch::kBool)), 0);
  return kind == Distance::euclidean ? safe_sqrt(result) : result;
}

}  // namespace diva
