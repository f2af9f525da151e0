#pragma once

#include <cstdint>

namespace diva::inline v0_1::detail {

inline constexpr std::int64_t block_rows = 6, panel_rows = 8;

/// out[8 r + j] = left[r] · (row j of the panel), for six rows and the eight of a panel, in double.
///
/// Each product sums its dimensions in order, whatever else is computed beside it: it has the same bits for x·y and y·x, in every
/// block and on every thread of one machine. A matrix product of a BLAS promises none of this.
void multiply_block(const double* const* left, const double* panel, std::int64_t dim, double* out);

/// panel[8 k + j] = rows[j][k], what multiply_block reads.
void fill_panel(const double* const* rows, std::int64_t dim, double* panel);

}  // namespace diva::inline v0_1::detail
