#include "candidates.hpp"

#include <diva/core/checks.hpp>

#include "fused_mining.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace diva::inline v0_1::detail {

Candidates candidates(std::string_view function, const Comparison& comparison, AnchorNeeds needs) {
  check_comparison(function, comparison);
  const auto [positive, negative] = relation_rows(comparison);
  if (needs == AnchorNeeds::nothing) {
    const auto options = torch::TensorOptions(torch::kInt64).device(comparison.embeddings.device());
    return {torch::arange(comparison.size(), options), positive, negative};
  }
  auto usable = (positive != 0).any(1);
  if (needs == AnchorNeeds::both) usable = usable & (negative != 0).any(1);
  const auto anchors = usable.nonzero().view(-1);
  if (anchors.size(0) == comparison.size()) return {anchors, positive, negative};
  return {anchors, positive.index_select(0, anchors), negative.index_select(0, anchors)};
}

torch::Tensor mining_distances(const Comparison& comparison, const torch::Tensor& anchors, const DistanceOptions& options) {
  const auto x = for_mining(comparison.embeddings);
  const auto r = comparison.reference ? for_mining(comparison.reference->embeddings).to(x.scalar_type()) : x;
  if (x.size(0) == 0 || r.size(0) == 0) return torch::empty({anchors.size(0), r.size(0)}, x.options());
  const auto fused = fused_distances(comparison, options);
  const auto distances = fused.defined() ? fused : pairwise_distances(x, r, options);
  return anchors.size(0) == x.size(0) ? distances : distances.index_select(0, anchors);
}

torch::Tensor only_where(const torch::Tensor& weights, const torch::Tensor& condition) {
  return weights.masked_fill(~condition, 0);
}

torch::Tensor preferred(const torch::Tensor& some, const torch::Tensor& all) {
  return torch::where((some != 0).any(1, true), some, all);
}

torch::Tensor draw(const torch::Tensor& weights, Generator& generator) {
  return draw_columns(weights, generator.uniform({weights.size(0)}, torch::kFloat64));
}

HardRows hard_rows(const torch::Tensor& distances, const torch::Tensor& positive, const torch::Tensor& negative) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const auto nearest_negative = distances.masked_fill(negative == 0, infinity).amin(1, true);
  const auto farthest_positive = distances.masked_fill(positive == 0, -infinity).amax(1, true);
  return {only_where(positive, distances > nearest_negative), only_where(negative, distances < farthest_positive)};
}

Triplets triplets_where(std::string_view function, const Candidates& candidates,
                        const std::function<torch::Tensor(const torch::Tensor&, const torch::Tensor&)>& holds) {
  constexpr std::int64_t at_once = std::int64_t{1} << 22, limit = std::int64_t{1} << 27;
  const auto negative = candidates.negative != 0;
  const auto pairs = candidates.positive.nonzero();  // [P, 2]: row of the anchor, positive
  const auto step = std::max<std::int64_t>(at_once / std::max<std::int64_t>(negative.size(1), 1), 1);
  // For each block of pairs their rows, their positives and which references hold; stops where `body` returns false.
  const auto each_block = [&](const auto& body) {
    for (std::int64_t first = 0; first < pairs.size(0); first += step) {
      const auto block = pairs.narrow(0, first, std::min(step, pairs.size(0) - first));
      const auto rows = block.select(1, 0).contiguous(), positives = block.select(1, 1).contiguous();
      if (!body(rows, positives, holds(rows, positives) & negative.index_select(0, rows))) return;
    }
  };

  // Where there might be too many, count them before a list of gigabytes is made.
  const auto possible = ((candidates.positive != 0).sum(1) * negative.sum(1)).sum().item<std::int64_t>();
  if (possible > limit) {
    std::int64_t count = 0;
    each_block([&](const torch::Tensor&, const torch::Tensor&, const torch::Tensor& marked) {
      count += marked.sum().item<std::int64_t>();
      return count <= limit;
    });
    if (count > limit) {
      fail<DataError>(function, "labels", "of at most 2^27 such triplets (ask for harder ones, or a smaller batch)",
                      "more than " + std::to_string(limit));
    }
  }
  std::vector<torch::Tensor> anchors, positives, negatives;
  each_block([&](const torch::Tensor& rows, const torch::Tensor& others, const torch::Tensor& marked) {
    const auto found = marked.nonzero();
    const auto of_pair = found.select(1, 0);
    anchors.push_back(candidates.anchors.index_select(0, rows.index_select(0, of_pair)));
    positives.push_back(others.index_select(0, of_pair));
    negatives.push_back(found.select(1, 1).contiguous());
    return true;
  });
  const auto joined = [&](const std::vector<torch::Tensor>& parts) {
    return parts.empty() ? torch::empty({0}, candidates.anchors.options()) : torch::cat(parts);
  };
  return {joined(anchors), joined(positives), joined(negatives)};
}

Pairs pairs_where(const torch::Tensor& anchors, const torch::Tensor& positive, const torch::Tensor& negative) {
  const auto positives = positive.nonzero(), negatives = negative.nonzero();
  return {anchors.index_select(0, positives.select(1, 0)), positives.select(1, 1).contiguous(),
          anchors.index_select(0, negatives.select(1, 0)), negatives.select(1, 1).contiguous()};
}

Triplets no_triplets(const Comparison& comparison) {
  const auto none = torch::empty({0}, torch::TensorOptions(torch::kInt64).device(comparison.embeddings.device()));
  return {none, none, none};
}

}  // namespace diva::inline v0_1::detail
