#pragma once

#include <cstdint>

namespace diva::inline v0_1::detail {

/// The instructions that the loops of nearest_neighbours are compiled for; a processor may lack all but the first.
enum class Kernel {
  plain,   ///< What the compiler's target has.
  avx2,    ///< AVX2 with FMA.
  avx512,  ///< AVX-512 with VNNI: the only one with a product of 8-bit codes.
};

/// The last of the enumerators that this processor has.
Kernel best_kernel();

/// Codes of rows stand in panels of 16 rows. Step t of a panel is 64 bytes: four 8-bit or two 16-bit codes of each of its rows, of
/// the dimensions from 4 t or 2 t on, zeros beyond the last.
constexpr std::int64_t panel_rows = 16, step_bytes = 64, panels_at_once = 3;

/// The products of the codes of one tile of rows × columns, and what decides which of them survive. Row i and column j have
///
///   D_ij = row_offset_i + column_offset_j − row_factor_i column_factor_j Σ code_i code_j
///
/// and survive where D_ij ≤ row_limit_i + row_offset_i or D_ij ≤ column_limit_j + column_offset_j. Rows and columns come in whole
/// panels; those that only fill one up have offset +∞ and limit −∞ and do not survive.
struct CodeTile {
  const std::uint8_t *rows, *columns;  ///< Panels.
  std::int64_t row_panels, column_panels, steps;
  const std::int32_t* row_start;  ///< −128 Σ code of each row where codes have 8 bits: the instruction takes columns without sign.
  const float *row_factor, *row_offset, *row_limit;
  const float *column_factor, *column_offset, *column_limit;
  std::uint8_t* scratch;  ///< panels_at_once panels.
};

/// Writes i · 65536 + j for each survivor and returns how many; where codes have 16 bits, also Σ code_i code_j. Both have room for
/// rows × columns + 16.
std::int64_t filter_tile(Kernel kernel, bool narrow, const CodeTile& tile, std::uint32_t* survivors, std::int32_t* sums);

/// Writes D, a row of 16 column_panels after the other; the limits are not read.
void score_tile(Kernel kernel, bool narrow, const CodeTile& tile, float* scores);

/// Survivors of a tile and its codes of 16 bits, one row after the other, `stride` apart, a multiple of 32.
struct SurvivorRows {
  const std::int16_t *rows, *columns;
  std::int64_t stride;
  const std::uint32_t* survivors;
  std::int64_t count;
};

/// Writes Σ code_i code_j for each survivor.
void survivor_products(Kernel kernel, const SurvivorRows& of, std::int32_t* sums);

/// Σ (x_i − y_i)² or Σ x_i y_i in double between x and each row, in eight partial sums: one order of additions, without fused ones
/// where these would round otherwise, so that every kernel gives the same bits. Products of float rows take half the time.
template <class T>
void measure_rows(Kernel kernel, bool difference, const T* x, const T* const* rows, std::int64_t count, std::int64_t dim,
                  double* out);

}  // namespace diva::inline v0_1::detail
