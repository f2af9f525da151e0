#pragma once

#include <diva/distances/distance.hpp>
#include <diva/miners/comparison.hpp>

#include <optional>
#include <string_view>

/// What miners do over all pairs, in one pass over the matrix of products on the CPU, a row at a time. Each function gives nothing
/// where that does not apply (see has_products and by_product), and the miner goes on with tensors.
///
/// Cost: O(B·R·D), and one matrix [B, R] in the type of the embeddings, float32 at least.
namespace diva::inline v0_1::detail {

/// pairwise_distances without a graph, [B, R], or an undefined tensor.
torch::Tensor fused_distances(const Comparison& comparison, const DistanceOptions& options);

/// Which pairs of an anchor are mined: positives with D + slack > `positive`, negatives with D − slack < `negative`.
struct PairLimits {
  double slack = 0;
  double positive = 0, negative = 0;
  /// In their place the nearest negative and the farthest positive of the anchor, where it has both; otherwise none of its pairs.
  bool by_extremes = false;
};

/// The mined pairs of all anchors, ordered by anchor.
std::optional<Pairs> fused_mining(const Comparison& comparison, const DistanceOptions& options, const PairLimits& limits);

/// Of each anchor that has both its farthest positive and its nearest negative, the first of equal ones and of NaN.
std::optional<Triplets> fused_hardest(const Comparison& comparison, const DistanceOptions& options);

/// The triplets with low < D_an − D_ap ≤ high, ordered by anchor, positive and negative.
///
/// Throws: DataError when there are more than 2^27, as triplets_where.
std::optional<Triplets> fused_triplets(std::string_view function, const Comparison& comparison, const DistanceOptions& options,
                                       double low, double high);

}  // namespace diva::inline v0_1::detail
