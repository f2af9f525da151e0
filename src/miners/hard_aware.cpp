#include "candidates.hpp"

#include <diva/core/checks.hpp>
#include <diva/miners/hard_aware.hpp>

#include <cmath>

namespace diva::inline v0_1 {

Pairs hard_aware_pairs(const Comparison& comparison, const HardAwareOptions& options, const std::optional<Pairs>& among) {
  constexpr auto function = "hard_aware_pairs";
  validate_fields(function, options);
  const auto pairs = among ? *among : all_pairs(comparison);
  detail::check_comparison(function, comparison);
  if (among) {
    detail::check_indices(function, "among.anchors", pairs.anchors, comparison.size());
    detail::check_indices(function, "among.positives", pairs.positives, comparison.reference_size());
    detail::check_indices(function, "among.negative_anchors", pairs.negative_anchors, comparison.size());
    detail::check_indices(function, "among.negatives", pairs.negatives, comparison.reference_size());
    detail::check_shape(function, "among.positives", pairs.positives, pairs.anchors.sizes());
    detail::check_shape(function, "among.negatives", pairs.negatives, pairs.negative_anchors.sizes());
  }
  const auto everyone =
      torch::arange(comparison.size(), torch::TensorOptions(torch::kInt64).device(comparison.embeddings.device()));
  const auto distances = detail::mining_distances(comparison, everyone, options.distance).view(-1);
  const auto hardest = [&](const torch::Tensor& anchors, const torch::Tensor& others, bool farthest) {
    const auto values = distances.index_select(0, anchors * comparison.reference_size() + others);
    const auto kept = static_cast<std::int64_t>(std::ceil(options.fraction * static_cast<double>(values.size(0))));
    return std::get<1>(values.topk(kept, 0, farthest));
  };
  const auto positives = hardest(pairs.anchors, pairs.positives, true);
  const auto negatives = hardest(pairs.negative_anchors, pairs.negatives, false);
  return {pairs.anchors.index_select(0, positives), pairs.positives.index_select(0, positives),
          pairs.negative_anchors.index_select(0, negatives), pairs.negatives.index_select(0, negatives)};
}

}  // namespace diva::inline v0_1
