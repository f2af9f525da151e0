#pragma once

#include <diva/search/neighbours.hpp>

#include <cstdint>
#include <span>
#include <vector>

#include "measured_order.hpp"
#include "neighbour_kernels.hpp"
#include "neighbour_rows.hpp"

namespace diva::inline v0_1::detail {

/// Distances between queries and rows of the gallery as nearest_neighbours defines them: summed directly in double, rounded to T.
template <class T>
class PairMeasure {
 public:
  /// Buffers of one thread.
  struct Workspace {
    std::vector<const T*> rows;
    std::vector<double> sums;
    std::vector<std::uint32_t> unsure;
  };

  PairMeasure() = default;

  /// The lengths are those of rows under cosine, and about one centre where Euclidean; they outlive this.
  PairMeasure(Kernel kernel, Similarity similarity, const Rows<T>& queries, const Rows<T>& gallery,
              const std::vector<double>& query_lengths, const std::vector<double>& gallery_lengths);

  /// Sets the distances of rows of the gallery to what decides between them: not rounded, and squared where Euclidean.
  void measure(std::int64_t query, std::span<MeasuredRow> rows, Workspace& work) const;

  /// The distances of these rows, rounded.
  ///
  /// Euclidean ones of float rows are |x|² + |y|² − 2 x·y at first, for products take half the time of squared differences. With
  /// sums in double of n dimensions, this and the direct sum are both within
  ///
  ///   e = 2⁻⁵³ (n / 2 + 40) (|x|² + |y|²)
  ///
  /// of each other: n / 8 + 5 roundings of 2⁻⁵³ in each of |x|², |y|² and 2 |x·y| ≤ |x|² + |y|², n / 8 + 8 in the direct sum, at
  /// most 2 (|x|² + |y|²), and those between. Where roots of the sum ± e round to one T, so does the direct sum's; the others are summed
  /// directly. Far from the origin e is so large that nearly all would be, and sums are direct from the start.
  void round_distances(std::int64_t query, std::span<const std::int32_t> rows, T* distances, Workspace& work) const;

 private:
  [[nodiscard]] bool euclidean() const { return similarity_ == Similarity::euclidean; }
  void sum(bool difference, std::int64_t query, Workspace& work) const;
  [[nodiscard]] double distance(std::int64_t query, std::int64_t row, double sum) const;  // where the sum is the direct one

  Kernel kernel_{};
  Similarity similarity_{};
  Rows<T> queries_, gallery_;
  const double *query_lengths_ = nullptr, *gallery_lengths_ = nullptr;
  double error_ = 0;  // e for |x|² + |y|² = 1
  bool by_products_ = false;
  std::vector<double> query_squares_, gallery_squares_;
};

}  // namespace diva::inline v0_1::detail
