#include "candidates.hpp"

#include <diva/miners/uniform_histogram.hpp>

#include <algorithm>
#include <utility>

namespace diva::inline v0_1 {
namespace {

// Indices into the list of pairs [P], `per_bin` for each bin with a pair, by their weights.
torch::Tensor spread_draws(const torch::Tensor& distances, const torch::Tensor& weights, std::int64_t bins, std::int64_t per_bin,
                           Generator& generator) {
  if (distances.size(0) == 0 || per_bin == 0) return torch::empty({0}, weights.options().dtype(torch::kInt64));
  const auto low = distances.min(), high = distances.max();
  const auto edges = low + (high - low) * (torch::arange(bins + 1, distances.options()) / static_cast<double>(bins));
  const auto bin = (torch::bucketize(distances, edges, false, true) - 1).clamp(0, bins - 1);
  const auto order = std::get<1>(bin.sort(c10::make_optional(true), 0));
  const auto counts = torch::bincount(bin, {}, bins);
  const auto filled = (counts > 0).nonzero().view(-1);
  const auto last = counts.cumsum(0).index_select(0, filled) - 1, first = last + 1 - counts.index_select(0, filled);

  // A number in the weight of a bin, looked up in the weights laid end to end.
  const auto ends = weights.index_select(0, order).to(torch::kFloat64).cumsum(0);
  const auto before = torch::cat({torch::zeros({1}, ends.options()), ends}).index_select(0, first).unsqueeze(1);
  const auto total = ends.index_select(0, last).unsqueeze(1) - before;
  const auto uniform = generator.uniform({filled.size(0), per_bin}, ends.options());
  const auto place = torch::searchsorted(ends, before + uniform * total, false, true);
  return order.index_select(0, torch::minimum(torch::maximum(place, first.unsqueeze(1)), last.unsqueeze(1)).view(-1));
}

}  // namespace

Pairs uniform_histogram_pairs(const Comparison& comparison, Generator& generator, const UniformHistogramOptions& options) {
  validate_fields("uniform_histogram_pairs", options);
  const auto [anchors, positive, negative] =
      detail::candidates("uniform_histogram_pairs", comparison, detail::AnchorNeeds::nothing);
  const auto distances = detail::mining_distances(comparison, anchors, options.distance);
  const auto draw = [&](const torch::Tensor& relation, std::int64_t per_bin) {
    const auto marked = relation.reshape(-1).nonzero().view(-1);  // places in the matrix of pairs
    const auto of = [&](const torch::Tensor& matrix) { return matrix.reshape(-1).index_select(0, marked); };
    const auto drawn = marked.index_select(0, spread_draws(of(distances), of(relation), options.bins, per_bin, generator));
    const auto columns = std::max<std::int64_t>(comparison.reference_size(), 1);
    const auto rows = torch::div(drawn, columns, "floor");
    return std::pair{rows, drawn - rows * columns};
  };
  const auto [positive_anchors, positives] = draw(positive, options.positives_per_bin);
  const auto [negative_anchors, negatives] = draw(negative, options.negatives_per_bin);
  return {positive_anchors, positives, negative_anchors, negatives};
}

}  // namespace diva::inline v0_1
