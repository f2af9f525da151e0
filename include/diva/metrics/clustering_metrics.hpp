#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

namespace diva {

/// How often each class meets each cluster; only cells that are not empty are held, so the memory is at most that of the labels.
struct Contingency {
  struct Cell {
    std::int64_t row, column, count;
  };
  std::vector<std::int64_t> class_sizes;    ///< Samples of each class that occurs; the sums of the rows.
  std::vector<std::int64_t> cluster_sizes;  ///< The sums of the columns.
  std::vector<Cell> cells;
  std::int64_t total = 0;
};

/// Shapes: labels [N] and assignments [N] int64, any values. Throws: ShapeError; DataError if N = 0.
Contingency contingency(const torch::Tensor& labels, const torch::Tensor& assignments);

// Each is 1 for equal partitions, the trivial ones included, and does not change when classes or clusters are renamed.

/// Normalised mutual information: I(class; cluster) / ((H(class) + H(cluster)) / 2), in [0, 1].
///
/// Differs: scikit-learn before 0.22 divided by the geometric mean of the entropies, which is never smaller; numbers of older
/// papers
///          are that.
double nmi(const Contingency& table);

/// Adjusted mutual information: (I − E[I]) / ((H(class) + H(cluster)) / 2 − E[I]), 0 in expectation for random clusters of these
/// sizes, where NMI grows with the number of clusters.
///
/// Source:  Vinh, Epps, Bailey, Information Theoretic Measures for Clusterings Comparison, JMLR 2010; E[I] of the hypergeometric
///          model, exact.
/// Cost:    O(distinct class sizes · distinct cluster sizes · largest size): few sizes repeat often.
double ami(const Contingency& table);

/// F1 over pairs of samples: 2 PR / (P + R), P = pairs of one class among those in one cluster, R = the reverse; in [0, 1].
/// Edge: no pair in one class or in one cluster: 0 (1 when all samples are alone in both).
double pairwise_f1(const Contingency& table);

}  // namespace diva
