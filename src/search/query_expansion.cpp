#include <torch/utils.h>
#include <diva/core/checks.hpp>
#include <diva/search/neighbours.hpp>
#include <diva/search/query_expansion.hpp>

#include <algorithm>

namespace diva::inline v0_1 {
namespace {

constexpr std::int64_t block_values = std::int64_t{4} << 20;  // float64

torch::Tensor directions(const torch::Tensor& rows) {
  const auto x = rows.detach().to(torch::kFloat64);
  // By the largest entry first, so that squares neither overflow nor vanish.
  const auto scaled = x / std::get<0>(x.abs().max(-1, true));
  return scaled / scaled.norm(2, -1, true);
}

torch::Tensor expand(const torch::Tensor& queries, const torch::Tensor& gallery, const Neighbours& found,
                     const QueryExpansionOptions& options) {
  const auto listed = found.indices.size(1), dim = queries.size(1);
  auto result = torch::empty(queries.sizes(), found.distances.options());
  const auto rows = std::max<std::int64_t>(1, block_values / (listed * dim));
  for (std::int64_t first = 0; first < queries.size(0); first += rows) {
    const auto query = directions(queries.slice(0, first, first + rows)), indices = found.indices.slice(0, first, first + rows);
    const auto present = (indices >= 0).unsqueeze(2);
    const auto neighbours = directions(gallery.index_select(0, indices.clamp_min(0).flatten())).view({query.size(0), listed, dim});
    const auto cosines = (neighbours * query.unsqueeze(1)).sum(2, /*keepdim=*/true);
    const auto weights = cosines.clamp_min(0).pow(options.alpha).masked_fill(~present, 0);
    const auto sum = query + (neighbours * weights).sum(1);
    const auto length = sum.norm(2, 1, true);
    // Rounding leaves a length of this order where the sum is 0.
    const auto nothing = length <= 1e-12 * static_cast<double>(listed);
    result.slice(0, first, first + rows).copy_(torch::where(nothing, query, sum / length));
  }
  return result;
}

}  // namespace

torch::Tensor expand_queries(const torch::Tensor& queries, const torch::Tensor& gallery, const torch::Tensor& query_ids,
                             const torch::Tensor& gallery_ids, const QueryExpansionOptions& options) {
  validate_fields("expand_queries", options);
  detail::check_embeddings("expand_queries", gallery, "gallery");
  const torch::NoGradGuard no_gradient;
  const auto listed = std::min(options.neighbours, std::max<std::int64_t>(gallery.size(0), 1));
  const auto found = nearest_neighbours(queries, gallery, listed, query_ids, gallery_ids, {.similarity = Similarity::cosine});
  if (gallery.size(0) == 0) return directions(queries).to(found.distances.scalar_type());
  return expand(queries, gallery, found, options);
}

torch::Tensor augment_database(const torch::Tensor& features, const QueryExpansionOptions& options) {
  validate_fields("augment_database", options);
  detail::check_embeddings("augment_database", features, "features");
  const torch::NoGradGuard no_gradient;
  const auto listed = std::min(options.neighbours, std::max<std::int64_t>(features.size(0), 1));
  return expand(features, features, nearest_neighbours(features, listed, {.similarity = Similarity::cosine}), options);
}

}  // namespace diva::inline v0_1
