#include "pair_products.hpp"

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace diva::inline v0_1::detail {
namespace {

static_assert(block_rows == 6 && panel_rows == 8);

void multiply_anywhere(const double* const* left, const double* panel, std::int64_t dim, double* out) {
  for (std::int64_t r = 0; r < block_rows; ++r) {
    double sums[panel_rows] = {};
    for (std::int64_t k = 0; k < dim; ++k) {
      for (std::int64_t j = 0; j < panel_rows; ++j) sums[j] += left[r][k] * panel[k * panel_rows + j];
    }
    for (std::int64_t j = 0; j < panel_rows; ++j) out[r * panel_rows + j] = sums[j];
  }
}

// By hand: of generic vectors in a function that is inlined here, GCC 12 makes those of the processor that everyone has.
#ifdef __x86_64__
// Six rows by two vectors: twelve sums and three operands fit in the sixteen registers.
__attribute__((target("avx2,fma"))) void multiply_avx2(const double* const* left, const double* panel, std::int64_t dim,
                                                       double* out) {
  auto a0 = _mm256_setzero_pd(), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0;
  auto b0 = a0, b1 = a0, b2 = a0, b3 = a0, b4 = a0, b5 = a0;
  for (std::int64_t k = 0; k < dim; ++k) {
    const auto a = _mm256_loadu_pd(panel + k * panel_rows), b = _mm256_loadu_pd(panel + k * panel_rows + 4);
    auto x = _mm256_broadcast_sd(left[0] + k);
    a0 = _mm256_fmadd_pd(x, a, a0), b0 = _mm256_fmadd_pd(x, b, b0);
    x = _mm256_broadcast_sd(left[1] + k);
    a1 = _mm256_fmadd_pd(x, a, a1), b1 = _mm256_fmadd_pd(x, b, b1);
    x = _mm256_broadcast_sd(left[2] + k);
    a2 = _mm256_fmadd_pd(x, a, a2), b2 = _mm256_fmadd_pd(x, b, b2);
    x = _mm256_broadcast_sd(left[3] + k);
    a3 = _mm256_fmadd_pd(x, a, a3), b3 = _mm256_fmadd_pd(x, b, b3);
    x = _mm256_broadcast_sd(left[4] + k);
    a4 = _mm256_fmadd_pd(x, a, a4), b4 = _mm256_fmadd_pd(x, b, b4);
    x = _mm256_broadcast_sd(left[5] + k);
    a5 = _mm256_fmadd_pd(x, a, a5), b5 = _mm256_fmadd_pd(x, b, b5);
  }
  _mm256_storeu_pd(out, a0), _mm256_storeu_pd(out + 4, b0);
  _mm256_storeu_pd(out + 8, a1), _mm256_storeu_pd(out + 12, b1);
  _mm256_storeu_pd(out + 16, a2), _mm256_storeu_pd(out + 20, b2);
  _mm256_storeu_pd(out + 24, a3), _mm256_storeu_pd(out + 28, b3);
  _mm256_storeu_pd(out + 32, a4), _mm256_storeu_pd(out + 36, b4);
  _mm256_storeu_pd(out + 40, a5), _mm256_storeu_pd(out + 44, b5);
}

__attribute__((target("avx512f"))) void multiply_avx512(const double* const* left, const double* panel, std::int64_t dim,
                                                        double* out) {
  auto a0 = _mm512_setzero_pd(), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0;
  for (std::int64_t k = 0; k < dim; ++k) {
    const auto a = _mm512_loadu_pd(panel + k * panel_rows);
    a0 = _mm512_fmadd_pd(_mm512_set1_pd(left[0][k]), a, a0);
    a1 = _mm512_fmadd_pd(_mm512_set1_pd(left[1][k]), a, a1);
    a2 = _mm512_fmadd_pd(_mm512_set1_pd(left[2][k]), a, a2);
    a3 = _mm512_fmadd_pd(_mm512_set1_pd(left[3][k]), a, a3);
    a4 = _mm512_fmadd_pd(_mm512_set1_pd(left[4][k]), a, a4);
    a5 = _mm512_fmadd_pd(_mm512_set1_pd(left[5][k]), a, a5);
  }
  _mm512_storeu_pd(out, a0);
  _mm512_storeu_pd(out + 8, a1);
  _mm512_storeu_pd(out + 16, a2);
  _mm512_storeu_pd(out + 24, a3);
  _mm512_storeu_pd(out + 32, a4);
  _mm512_storeu_pd(out + 40, a5);
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

}  // namespace diva::inline v0_1::detail
