#include "pair_products.hpp"

namespace diva::detail {
namespace {

// Eight doubles at any address that doubles may have; the compiler splits them where registers are shorter.
using Eight = double __attribute__((vector_size(64), aligned(8)));

// Six rows by eight columns: twelve accumulators and three operands fit in the sixteen registers of AVX2.
[[gnu::always_inline]] inline void multiply(const double* const* left, const double* panel, std::int64_t dim, double* out) {
  Eight sums[block_rows] = {};
  for (std::int64_t k = 0; k < dim; ++k) {
    const Eight columns = *reinterpret_cast<const Eight*>(panel + k * panel_rows);
#pragma GCC unroll 6
    for (std::int64_t r = 0; r < block_rows; ++r) sums[r] += columns * left[r][k];
  }
#pragma GCC unroll 6
  for (std::int64_t r = 0; r < block_rows; ++r) *reinterpret_cast<Eight*>(out + r * panel_rows) = sums[r];
}

void multiply_anywhere(const double* const* left, const double* panel, std::int64_t dim, double* out) {
  multiply(left, panel, dim, out);
}

#ifdef __x86_64__
__attribute__((target("avx2,fma"))) void multiply_avx2(const double* const* left, const double* panel, std::int64_t dim,
                                                       double* out) {
  multiply(left, panel, dim, out);
}

__attribute__((target("avx512f,avx2,fma"))) void multiply_avx512(const double* const* left, const double* panel, std::int64_t dim,
                                                                 double* out) {
  multiply(left, panel, dim, out);
}
#endif

auto choose() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f")) return multiply_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return multiply_avx2;
#endif
  return multiply_anywhere;
}

}  // namespace

void multiply_block(const double* const* left, const double* panel, std::int64_t dim, double* out) {
  static const auto chosen = choose();
  chosen(left, panel, dim, out);
}

void fill_panel(const double* const* rows, std::int64_t dim, double* panel) {
  for (std::int64_t k = 0; k < dim; ++k) {
    for (std::int64_t j = 0; j < panel_rows; ++j) panel[k * panel_rows + j] = rows[j][k];
  }
}

}  // namespace diva::detail
