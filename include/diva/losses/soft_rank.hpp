#pragma once

#include <torch/types.h>

#include <algorithm>
#include <vector>

namespace diva::inline v0_1 {

/// How many references of a row are more similar to its anchor than a given one of them, with a sigmoid in place of the step: the
/// soft rank from which the ranking losses are made.
///
///   c_m(q, j) = Σ_(k ≠ j) m_qk · σ( (s_qk − s_qj) / τ )
///
/// Source:  Qin et al., A general approximation framework for direct optimization of IR measures, 2010; Brown et al., Smooth-AP,
///          ECCV 2020, eq. 6; arXiv 2007.12163.
/// Shapes:  similarities [t, R] floating point; rows, columns [P] int64: the pairs (q, j); M masks [t, R], bool or weights
///          -> [M, P].
/// Edge:    no pair: [M, 0]. The limit τ → 0 counts, with one half for each equal one. NaN passes on.
/// Cost:    O(P·R) time, O(R + 2^20) memory: sigmoids are computed again for the gradient and never kept. The gradient reaches
///          `similarities` and cannot be differentiated again.
/// Throws:  ShapeError (shapes, no mask), OptionError unless τ > 0.
torch::Tensor soft_counts(const torch::Tensor& similarities, const torch::Tensor& rows, const torch::Tensor& columns,
                          const std::vector<torch::Tensor>& masks, double temperature);

/// A histogram of each row that has a gradient: each value is shared between the two nodes around it in proportion to its nearness.
///
///   h_r = Σ_j m_j · max(0, 1 − |v_j − low − r·width| / width),   r = 0 … nodes − 1
///
/// Source:  Ustinova & Lempitsky, Learning Deep Embeddings with Histogram Loss, NIPS 2016, eq. 2; arXiv 1611.00822.
/// Shapes:  values [t, R] floating point, mask [t, R] bool or weights -> [t, nodes].
/// Edge:    values below the first and beyond the last node count as there, without a gradient. NaN passes on.
/// Cost:    O(t·R) time and memory whatever the number of nodes.
/// Throws:  ShapeError; OptionError unless nodes ≥ 2 and width > 0.
torch::Tensor soft_histogram(const torch::Tensor& values, const torch::Tensor& mask, double low, double width, std::int64_t nodes);

namespace detail {

/// body(first, count) for chunks of `pairs` whose rows of `references` values hold no more than 2^20 values.
template <class Body>
void in_chunks(std::int64_t pairs, std::int64_t references, Body&& body) {
  const auto step = std::max<std::int64_t>(1, (std::int64_t{1} << 20) / std::max<std::int64_t>(1, references));
  for (std::int64_t first = 0; first < pairs; first += step) body(first, std::min(step, pairs - first));
}

/// The shares of soft_histogram that go to the lower and to the upper of the two nodes, apart.
struct HistogramShares {
  torch::Tensor lower;
  torch::Tensor upper;
};
HistogramShares histogram_shares(const torch::Tensor& values, const torch::Tensor& mask, double low, double width,
                                 std::int64_t nodes);

/// The marked pairs of a block as a list, ordered by row, with their weights (1 for a bool mask) in the type of `like`.
struct MarkedPairs {
  torch::Tensor rows;
  torch::Tensor columns;
  torch::Tensor weights;
};
MarkedPairs marked_pairs(const torch::Tensor& mask, const torch::Tensor& like);

/// Σ weights·values / Σ weights over the pairs of each of `rows` rows, [rows]; 0 for a row without pairs.
torch::Tensor mean_of_rows(const torch::Tensor& values, const MarkedPairs& pairs, std::int64_t rows);

/// A mask [t, R] in which each anchor, of rows first … first + t − 1 of the references, is marked itself.
torch::Tensor with_itself(const torch::Tensor& mask, std::int64_t first);

}  // namespace detail
}  // namespace diva::inline v0_1
