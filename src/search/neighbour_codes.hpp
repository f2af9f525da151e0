#pragma once

#include <torch/types.h>

#include <cstdint>
#include <span>
#include <vector>

namespace diva::inline v0_1::detail {

/// What a row's codes leave: |a| ≤ reach, |δ| ≤ residual, as RowCodes has it.
struct RowBounds {
  float reach = 0, residual = 0;
};

/// Codes of 16 bits one row after the other, as pairs are scored by that codes of 8 bits let pass.
struct FineCodes {
  torch::Tensor codes;  ///< int16 [count, stride], zeros beyond the dimensions; undefined where RowCodes have 16 bits themselves.
  std::int64_t stride = 0;
  std::vector<float> factor;
  std::vector<RowBounds> bounds;

  [[nodiscard]] const std::int16_t* row(std::int64_t position) const { return codes.data_ptr<std::int16_t>() + position * stride; }
};

/// Rows rounded to integers, for products that only exclude. Row x at position p becomes a = H (times x − centre), with one
/// rotation H for all rows, which changes no product but evens out the coordinates, and
///
///   a = factor · code + δ,   |δ| ≤ residual,   |a| ≤ reach
///
/// with codes of 8 bits (factor = max |a_i| / 127) or 16, small enough that no sum of products leaves int32: by Cauchy and Schwarz
/// it is at most |code| |code'|, which √(2³¹) bounds for each (16 bits), and 127 · 255 terms a dimension do up to 66,000 dimensions
/// (8 bits). So sums are exact, and the whole error of a product of two rows is that of the roundings:
///
///   |a·b − factor_a factor_b Σ code_a code_b| ≤ residual_a reach_b + reach_a residual_b
///
/// residual is measured in double and rounded up, with the error that a itself carries.
struct RowCodes {
  bool narrow = true;  ///< 8 bits.
  std::int64_t count = 0, steps = 0, panels = 0;
  torch::Tensor codes;  ///< uint8: panels (neighbour_kernels.hpp), 64-byte aligned.
  std::vector<std::int32_t> start;
  std::vector<float> factor;
  std::vector<float> offset;  ///< |a|², or 0; +∞ beyond the last row.
  std::vector<float> residual, reach;
  std::vector<float> offset_error;
  FineCodes fine;

  [[nodiscard]] const std::uint8_t* panel(std::int64_t index) const;
};

template <class T>
struct RowSource {
  const T* data = nullptr;
  std::int64_t count = 0, dim = 0;
  std::span<const std::int32_t> order;  ///< The row at each position; empty: the position.
  std::span<const double> times;        ///< Of each row; of all where it is a single number.
  std::span<const double> centre;       ///< Already multiplied.
  bool squares = false;                 ///< Whether offset is |a|².
};

/// Rows about as far apart as the golden section of their number: every stretch of the order is a sample of all of them, though
/// rows of one class usually stand together.
std::vector<std::int32_t> spread_order(std::int64_t count);

/// The codes of all rows, made in parallel; those of 16 bits are the same whether narrow ones are made beside them or not.
template <class T>
RowCodes encode_rows(const RowSource<T>& source, bool narrow);

}  // namespace diva::inline v0_1::detail
