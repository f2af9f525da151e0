#pragma once

#include <diva/io/image.hpp>

#include <array>
#include <cstdint>
#include <vector>

/// The last step of a view: interleaved grey levels to planes of floats.
namespace diva::inline v0_1::detail {

/// What each grey level of a channel becomes.
struct LevelTable {
  std::int64_t channel = 0;
  std::array<float, 256> values{};
  /// values[g] is g · scale + shift in one double operation, rounded to float: for all levels, bit by bit, or not to be used.
  double scale = 0, shift = 0;
  bool is_affine = false;
};

/// (grey / 255 − mean) / deviation, of 255 − grey with `invert`.
LevelTable normalised_levels(std::int64_t channel, double mean, double deviation, bool invert);

/// One plane for each table, one after the other, of height × width floats; mirrored left to right where asked.
void write_planes(const Image& image, bool mirrored, const std::vector<LevelTable>& planes, float* out);

}  // namespace diva::inline v0_1::detail
