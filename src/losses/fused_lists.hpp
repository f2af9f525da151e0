#pragma once

#include <diva/distances/distance.hpp>
#include <diva/miners/comparison.hpp>

namespace diva::inline v0_1::detail {

/// distance(embeddings[from], reference[to]) of listed pairs, [n], from the differences themselves. On the CPU without copies of
/// the rows, and with one node of the graph, which cannot be differentiated again; otherwise by `distance`.
///
/// Cost: O(n·D) time; memory: the rows and their gradient, not n of them.
torch::Tensor listed_distances(const Comparison& comparison, const torch::Tensor& from, const torch::Tensor& to,
                               const DistanceOptions& options);

}  // namespace diva::inline v0_1::detail
