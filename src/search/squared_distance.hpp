#pragma once

#include <array>
#include <cstdint>

namespace diva::inline v0_1::detail {

/// Σ (x − y)² in double, in eight partial sums, which the compiler keeps in vector registers; the order is fixed, so equal rows
/// give equal bits.
template <class T>
double squared_distance(const T* x, const T* y, std::int64_t dim) {
  std::array<double, 8> partial{};
  const auto add = [&](std::int64_t i, std::int64_t lane) {
    const double difference = static_cast<double>(x[i]) - y[i];
    partial[lane] += difference * difference;
  };
  std::int64_t i = 0;
  for (; i + 8 <= dim; i += 8) {
    for (std::int64_t lane = 0; lane < 8; ++lane) add(i + lane, lane);
  }
  for (; i < dim; ++i) add(i, i % 8);
  return ((partial[0] + partial[4]) + (partial[1] + partial[5])) + ((partial[2] + partial[6]) + (partial[3] + partial[7]));
}

}  // namespace diva::inline v0_1::detail
