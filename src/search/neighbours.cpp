#include <fmt/format.h>
#include <torch/utils.h>
#include <diva/core/checks.hpp>
#include <diva/search/neighbours.hpp>

#include <algorithm>
#include <limits>

#include "exact_neighbours.hpp"
#include "tensor_neighbours.hpp"

namespace diva::inline v0_1 {
namespace {

constexpr auto function = "nearest_neighbours";
constexpr std::int64_t visited_at_once = std::int64_t{1} << 22;

torch::Tensor prepare_features(const torch::Tensor& features, std::string_view argument) {
  detail::check_embeddings(function, features, argument);
  if (features.size(0) > std::numeric_limits<std::int32_t>::max()) {
    detail::fail<ShapeError>(function, argument, "at most 2147483647 rows", detail::describe(features));
  }
  const auto type = features.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
  return features.detach().to(type).contiguous();
}

torch::Tensor prepare_ids(const torch::Tensor& ids, const torch::Tensor& features, std::string_view argument) {
  if (!ids.defined()) return ids;
  if (ids.dim() != 1 || ids.scalar_type() != torch::kInt64 || ids.size(0) != features.size(0)) {
    detail::fail<ShapeError>(function, argument, fmt::format("[{}] int64", features.size(0)), detail::describe(ids));
  }
  return ids.to(features.device()).contiguous();
}

// What both forms of the search work on, checked.
struct Question {
  torch::Tensor queries, gallery, query_ids, gallery_ids;
};

Question prepare(const torch::Tensor& queries, const torch::Tensor& gallery, std::int64_t k, const torch::Tensor& query_ids,
                 const torch::Tensor& gallery_ids, const NeighbourOptions& options) {
  validate_fields(function, options);
  const auto x = prepare_features(queries, "queries");
  const auto y = queries.is_same(gallery) ? x : prepare_features(gallery, "gallery");
  if (x.size(1) != y.size(1) || queries.scalar_type() != gallery.scalar_type() || x.device() != y.device()) {
    detail::fail<ShapeError>(function, "gallery",
                             fmt::format("of the width, type and device of queries {}", detail::describe(queries)),
                             detail::describe(gallery));
  }
  if (k < 1) detail::fail<OptionError>(function, "k", "at least 1", std::to_string(k));
  if (query_ids.defined() != gallery_ids.defined()) {
    detail::fail<OptionError>(function, "query_ids and gallery_ids", "both given or neither", "one of them");
  }
  const Question asked{x, y, prepare_ids(query_ids, x, "query_ids"), prepare_ids(gallery_ids, y, "gallery_ids")};
  if (x.is_cpu()) return asked;
  detail::check_finite(function, "queries", x);
  detail::check_finite(function, "gallery", y);
  if (options.similarity == Similarity::cosine && ((x == 0).all(1).any() | (y == 0).all(1).any()).item<bool>()) {
    detail::fail<DataError>(function, "queries and gallery", "rows of a length above 0, which have a cosine", "rows of length 0");
  }
  return asked;
}

}  // namespace

Neighbours nearest_neighbours(const torch::Tensor& queries, const torch::Tensor& gallery, std::int64_t k,
                              const torch::Tensor& query_ids, const torch::Tensor& gallery_ids, const NeighbourOptions& options) {
  const torch::NoGradGuard no_gradient;
  const auto [x, y, query_names, gallery_names] = prepare(queries, gallery, k, query_ids, gallery_ids, options);
  if (!x.is_cpu()) return detail::neighbours_by_tensor_operations(x, y, k, query_names, gallery_names, options);
  const auto search = x.scalar_type() == torch::kFloat64 ? detail::exact_neighbours<double> : detail::exact_neighbours<float>;
  return search(x, y, k, query_names, gallery_names, options, {});
}

Neighbours nearest_neighbours(const torch::Tensor& features, std::int64_t k, const NeighbourOptions& options) {
  detail::check_embeddings(function, features, "features");
  const auto ids = torch::arange(features.size(0), torch::kInt64);
  return nearest_neighbours(features, features, k, ids, ids, options);
}

void visit_neighbours(const torch::Tensor& queries, const torch::Tensor& gallery, std::int64_t k, const NeighbourVisitor& visit,
                      const torch::Tensor& query_ids, const torch::Tensor& gallery_ids, const NeighbourOptions& options) {
  const torch::NoGradGuard no_gradient;
  const auto [x, y, query_names, gallery_names] = prepare(queries, gallery, k, query_ids, gallery_ids, options);
  if (x.is_cpu()) {
    const auto search =
        x.scalar_type() == torch::kFloat64 ? detail::visit_exact_neighbours<double> : detail::visit_exact_neighbours<float>;
    return search(x, y, k, query_names, gallery_names, options, visited_at_once, visit, {});
  }
  const auto all = torch::arange(x.size(0), torch::TensorOptions(torch::kInt64).device(x.device()));
  for (const auto& rows : all.split(std::max<std::int64_t>(1, visited_at_once / k))) {
    if (rows.size(0) == 0) return;
    const auto names = query_names.defined() ? query_names.index_select(0, rows) : query_names;
    visit(rows, detail::neighbours_by_tensor_operations(x.index_select(0, rows), y, k, names, gallery_names, options));
  }
}

}  // namespace diva::inline v0_1
