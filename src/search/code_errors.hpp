#pragma once

#include <cstdint>
#include <vector>

#include "neighbour_codes.hpp"

namespace diva::inline v0_1::detail {

/// How far D of two rows by their codes of 16 bits, s_ij in single precision, is from D as it is measured in double:
///
///   |s_ij − D| ≤ e_ij = own_i + reach_j (by_reach_i + square · reach_j) + by_residual_i residual_j
///
/// the bound at nearest_neighbours, written such that a column brings but its RowBounds.
class CodeErrors {
 public:
  CodeErrors() = default;

  /// `factor` is that of the product in D; `measured` the absolute error of D in double.
  CodeErrors(const RowCodes& rows, const RowCodes& columns, double factor, double centre_length, double measured);

  [[nodiscard]] float operator()(std::int64_t row, std::int64_t column) const {
    const auto& left = rows_[row];
    const auto& right = columns_[column];
    return left.own + right.reach * (left.by_reach + square_ * right.reach) + left.by_residual * right.residual;
  }

 private:
  struct Row {
    float own, by_reach, by_residual;
  };
  std::vector<Row> rows_;
  const RowBounds* columns_ = nullptr;
  float square_ = 0;
};

}  // namespace diva::inline v0_1::detail
