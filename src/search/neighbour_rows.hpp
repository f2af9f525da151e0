#pragma once

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <diva/core/checks.hpp>
#include <diva/search/neighbours.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "neighbour_kernels.hpp"

namespace diva::inline v0_1::detail {

/// Features as nearest_neighbours walks them.
template <class T>
struct Rows {
  std::string_view argument;
  const T* data = nullptr;
  const std::int64_t* ids = nullptr;
  std::int64_t count = 0;
  std::int64_t dim = 0;

  const T* operator[](std::int64_t row) const { return data + row * dim; }
};

template <class T>
Rows<T> rows_of(std::string_view argument, const torch::Tensor& features, const torch::Tensor& ids) {
  return {argument, features.data_ptr<T>(), ids.defined() ? ids.data_ptr<std::int64_t>() : nullptr, features.size(0),
          features.size(1)};
}

/// The mean of the rows, each multiplied by its factor; summed by blocks, which do not depend on the number of threads.
template <class T>
std::vector<double> mean_of(const Rows<T>& rows, std::span<const double> times) {
  constexpr std::int64_t blocks = 64;
  const double share = 1.0 / static_cast<double>(rows.count);  // before the sum, which could overflow
  std::vector<double> sums(blocks * rows.dim, 0.0), centre(rows.dim, 0.0);
  at::parallel_for(0, blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto block = begin; block < end; ++block) {
      double* sum = &sums[block * rows.dim];
      for (auto row = rows.count * block / blocks; row < rows.count * (block + 1) / blocks; ++row) {
        const double weight = share * times[times.size() == 1 ? 0 : row];
        for (std::int64_t i = 0; i < rows.dim; ++i) sum[i] += weight * rows[row][i];
      }
    }
  });
  for (std::int64_t block = 0; block < blocks; ++block) {
    for (std::int64_t i = 0; i < rows.dim; ++i) centre[i] += sums[block * rows.dim + i];
  }
  return centre;
}

/// Of each row, less the centre.
template <class T>
std::vector<double> lengths_about(const std::vector<double>& centre, const Rows<T>& rows, Kernel kernel) {
  std::vector<double> lengths(rows.count);
  at::parallel_for(0, rows.count, 64, [&](std::int64_t begin, std::int64_t end) {
    std::vector<double> moved(rows.dim);
    const double* pointer = moved.data();
    for (std::int64_t row = begin; row < end; ++row) {
      for (std::int64_t i = 0; i < rows.dim; ++i) moved[i] = rows[row][i] - centre[i];
      measure_rows(kernel, false, pointer, &pointer, 1, rows.dim, &lengths[row]);
      lengths[row] = std::sqrt(lengths[row]);
    }
  });
  return lengths;
}

/// Throws DataError for what has no distance, told by the lengths of the rows.
template <class T>
void check_values(const Rows<T>& rows, const std::vector<double>& lengths, Similarity similarity) {
  // Negated, so that NaN counts too; at 1e150 distances still have finite squares.
  if (!std::ranges::all_of(lengths, [](double length) { return length < 1e150; })) {
    const auto bad = std::count_if(rows.data, rows.data + rows.count * rows.dim, [](T value) { return !std::isfinite(value); });
    if (bad > 0) fail<DataError>("nearest_neighbours", rows.argument, "finite", fmt::format("{} values of NaN or infinity", bad));
    fail<DataError>("nearest_neighbours", rows.argument, "rows of a length below 1e150", "longer ones");
  }
  if (similarity == Similarity::cosine) {
    const auto zeros = std::ranges::count(lengths, 0.0);
    if (zeros > 0) {
      fail<DataError>("nearest_neighbours", rows.argument, "rows of a length above 0, which have a cosine",
                      fmt::format("{} rows of length 0", zeros));
    }
  }
}

}  // namespace diva::inline v0_1::detail
