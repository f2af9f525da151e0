#pragma once

#include <torch/types.h>

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace diva::inline v0_1 {

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

/// Shapes:  labels [N] and assignments [N] int64, any values.
/// Throws:  ShapeError; DataError if N = 0.
Contingency contingency(const torch::Tensor& labels, const torch::Tensor& assignments);

// Each is 1 for equal partitions, the trivial ones included, and does not change when classes or clusters are renamed.

/// What nmi divides by: a mean of H(class) and H(cluster), each at most the one after it.
enum class EntropyMean { minimum, geometric, arithmetic, maximum };

constexpr auto enumerators(EntropyMean) {
  return std::array{std::pair{EntropyMean::minimum, "minimum"}, std::pair{EntropyMean::geometric, "geometric"},
                    std::pair{EntropyMean::arithmetic, "arithmetic"}, std::pair{EntropyMean::maximum, "maximum"}};
}

/// Normalised mutual information: I(class; cluster) / mean(H(class), H(cluster)), in [0, 1].
///
/// Source:  Strehl, Ghosh, Cluster Ensembles, JMLR 2002 (geometric); scikit-learn's normalized_mutual_info_score has all four.
/// Differs: scikit-learn before 0.22 took the geometric mean by default, so papers of that time print values that are never
///          smaller.
/// Edge:    one class or one cluster, but not both: 0 with every mean.
double nmi(const Contingency& table, EntropyMean mean = EntropyMean::arithmetic);

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

}  // namespace diva::inline v0_1
