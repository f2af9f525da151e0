#include "tensor_neighbours.hpp"

#include <algorithm>
#include <limits>

namespace diva::inline v0_1::detail {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// [Q, C] float64: the distances (squared where Euclidean) of each query to its own C gallery rows.
torch::Tensor measure(const torch::Tensor& queries, const torch::Tensor& candidates, Similarity similarity) {
  const auto x = queries.to(torch::kFloat64).unsqueeze(1), y = candidates.to(torch::kFloat64);
  if (similarity == Similarity::euclidean) return (x - y).square_().sum(2);
  const auto products = (x * y).sum(2);
  if (similarity == Similarity::dot) return -products;
  return (1 - products / (x.norm(2, 2) * y.norm(2, 2))).clamp_min(0);
}

}  // namespace

Neighbours neighbours_by_tensor_operations(const torch::Tensor& queries, const torch::Tensor& gallery, std::int64_t k,
                                           const torch::Tensor& query_ids, const torch::Tensor& gallery_ids,
                                           const NeighbourOptions& options) {
  const auto count = gallery.size(0), dim = gallery.size(1), listed = std::min(k, count);
  const auto kept = std::min(listed + 16, count);  // what the rounding of the scores may have misplaced
  auto indices =
      torch::full({queries.size(0), k}, -1, query_ids.defined() ? query_ids.options() : gallery.options().dtype(torch::kInt64));
  auto distances = torch::full({queries.size(0), k}, infinity, gallery.options());
  if (count == 0) return {indices, distances};

  const bool euclidean = options.similarity == Similarity::euclidean;
  const auto centre = euclidean ? gallery.mean(0) : torch::zeros({dim}, gallery.options());
  const auto rows = std::clamp((std::int64_t{1} << 24) / (kept * dim), std::int64_t{1}, options.query_tile);
  for (std::int64_t first = 0; first < queries.size(0); first += rows) {
    const auto query = queries.slice(0, first, first + rows), moved = query - centre;
    auto scores = torch::empty({query.size(0), 0}, gallery.options());
    auto found = torch::empty({query.size(0), 0}, indices.options());
    for (std::int64_t begin = 0; begin < count; begin += options.gallery_tile) {
      auto tile = gallery.slice(0, begin, begin + options.gallery_tile) - centre;
      if (options.similarity == Similarity::cosine) tile /= tile.norm(2, 1, true);
      auto fresh = euclidean ? torch::addmm(tile.square().sum(1), moved, tile.t(), 1, -2) : -torch::mm(moved, tile.t());
      const auto columns = torch::arange(begin, begin + tile.size(0), indices.options()).expand_as(fresh);
      if (query_ids.defined()) {
        const auto same = query_ids.slice(0, first, first + rows).unsqueeze(1) == gallery_ids.slice(0, begin, begin + tile.size(0));
        fresh.masked_fill_(same, infinity);
      }
      fresh = torch::cat({scores, fresh}, 1);
      auto [best, positions] = fresh.topk(std::min(kept, fresh.size(1)), 1, /*largest=*/false, /*sorted=*/false);
      found = torch::cat({found, columns}, 1).gather(1, positions);
      scores = best;
    }
    // By index first, so that the stable sort by distance leaves equal distances in this order.
    auto [ordered, order] = found.sort(1);
    auto measured = measure(query, gallery.index_select(0, ordered.flatten()).view({query.size(0), kept, dim}), options.similarity);
    measured.masked_fill_(scores.gather(1, order).isinf(), infinity);
    auto [sorted, ranks] = measured.sort(/*stable=*/true, 1, /*descending=*/false);
    sorted = sorted.slice(1, 0, listed);
    const auto nearest = ordered.gather(1, ranks.slice(1, 0, listed)).masked_fill(sorted.isinf(), -1);
    indices.slice(0, first, first + rows).slice(1, 0, listed).copy_(nearest);
    distances.slice(0, first, first + rows).slice(1, 0, listed).copy_(euclidean ? sorted.sqrt() : sorted);
  }
  return {indices, distances};
}

}  // namespace diva::inline v0_1::detail
