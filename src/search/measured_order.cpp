#include "measured_order.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace diva::inline v0_1::detail {

void MeasuredOrder::sort(std::vector<MeasuredRow>& rows, std::int64_t listed) {
  if (listed < static_cast<std::int64_t>(rows.size())) {
    std::ranges::nth_element(rows, rows.begin() + listed);
    rows.resize(listed);
  }
  if (rows.size() < 128) {
    std::ranges::sort(rows);
    return;
  }

  // Halved, so that the span of a list of products does not overflow; a place is monotone in the distance, whatever the rounding. There are
  // no places where a distance is infinite, or all are so near to each other that the scale is.
  const auto [nearest, farthest] = std::ranges::minmax_element(rows, {}, &MeasuredRow::distance);
  const double first = nearest->distance / 2, scale = 4294967295.0 / (farthest->distance / 2 - first);
  if (!(scale > 0 && scale < std::numeric_limits<double>::infinity())) {
    std::ranges::sort(rows);
    return;
  }

  constexpr int passes = 4;
  std::array<std::array<std::uint32_t, 256>, passes> ends{};
  keys_.resize(rows.size());
  other_keys_.resize(rows.size());
  for (std::size_t position = 0; position < rows.size(); ++position) {
    const auto place = static_cast<std::uint64_t>(std::min((rows[position].distance / 2 - first) * scale, 4294967295.0));
    keys_[position] = place << 32 | position;
    for (int pass = 0; pass < passes; ++pass) ++ends[pass][place >> 8 * pass & 255];
  }
  for (int pass = 0; pass < passes; ++pass) {
    std::uint32_t begin = 0;
    for (auto& end : ends[pass]) begin += std::exchange(end, begin);
    for (const auto key : keys_) other_keys_[ends[pass][key >> (32 + 8 * pass) & 255]++] = key;
    keys_.swap(other_keys_);
  }
  sorted_.resize(rows.size());
  for (std::size_t rank = 0; rank < rows.size(); ++rank) sorted_[rank] = rows[keys_[rank] & 0xFFFFFFFF];
  for (std::size_t begin = 0; begin < rows.size();) {
    auto end = begin + 1;
    while (end < rows.size() && keys_[end] >> 32 == keys_[begin] >> 32) ++end;
    if (end - begin > 1) std::sort(sorted_.begin() + begin, sorted_.begin() + end);
    begin = end;
  }
  rows.swap(sorted_);
}

}  // namespace diva::inline v0_1::detail
