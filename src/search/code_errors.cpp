#include "code_errors.hpp"

#include <torch/types.h>

#include <limits>

namespace diva::inline v0_1::detail {

CodeErrors::CodeErrors(const RowCodes& rows, const RowCodes& columns, double factor, double centre_length, double measured)
    : rows_(rows.count), columns_(columns.fine.bounds.data()) {
  constexpr double margin = 1.01, single = 0x1p-21;  // of e itself in single precision; of the operations that make s
  constexpr double vanished = 0x1p6 * std::numeric_limits<float>::min();
  // Columns have a squared length, rounded, only where D has it.
  square_ = factor == 2 ? static_cast<float>(margin * (single + 0x1p-24 + 0x1p-45)) : 0;
  for (std::int64_t p = 0; p < rows.count; ++p) {
    const double reach = rows.fine.bounds[p].reach, residual = rows.fine.bounds[p].residual;
    rows_[p] = {static_cast<float>(margin * (rows.offset_error[p] + single * rows.offset[p] + measured) + vanished),
                static_cast<float>(margin * (factor * residual + single * factor * reach + 0x1p-44 * centre_length)),
                static_cast<float>(margin * factor * reach)};
  }
}

}  // namespace diva::inline v0_1::detail
