#pragma once

#include <compare>
#include <cstdint>
#include <vector>

namespace diva::inline v0_1::detail {

/// What decides between neighbours: the distance, and the index where distances are equal.
struct MeasuredRow {
  double distance;
  std::int32_t index;
  auto operator<=>(const MeasuredRow&) const = default;
};

/// Sorts measured rows; keeps its buffers between calls.
class MeasuredOrder {
 public:
  /// Leaves the first `listed` in order, the others dropped. Long lists are sorted by digits of where a distance lies between the
  /// smallest and the largest, in time O(n), and rows that share the place by comparison.
  void sort(std::vector<MeasuredRow>& rows, std::int64_t listed);

 private:
  std::vector<std::uint64_t> keys_, other_keys_;  // place, position
  std::vector<MeasuredRow> sorted_;
};

}  // namespace diva::inline v0_1::detail
