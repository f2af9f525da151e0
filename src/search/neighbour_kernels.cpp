#include "neighbour_kernels.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

#if defined(__x86_64__)
#include <immintrin.h>
#define DIVA_TARGET_AVX2 [[gnu::target("avx2,fma")]]
#define DIVA_TARGET_AVX512 [[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma")]]
#endif

namespace diva::inline v0_1::detail {
namespace {

constexpr std::int64_t block_rows = 8;  // of one call of a micro-kernel: half a panel

// Calls body(first row, rows' codes, first column panel, count of column panels, columns' codes) for every block of the tile.
template <int at_once, class Body>
[[gnu::always_inline]] inline void for_each_block(const CodeTile& tile, bool narrow, Body&& body) {
  const auto panel_bytes = tile.steps * step_bytes;
  for (std::int64_t panel = 0; panel < tile.column_panels; panel += at_once) {
    const auto panels = std::min<std::int64_t>(at_once, tile.column_panels - panel);
    const auto* columns = tile.columns + panel * panel_bytes;
    if (narrow) {                          // from signed to offset by 128, once for all the rows of the tile
      auto* const scratch = tile.scratch;  // a byte written through the tile itself could be one of the tile
      for (std::int64_t b = 0; b < panels * panel_bytes; ++b) scratch[b] = columns[b] ^ 0x80U;
      columns = scratch;
    }
    for (std::int64_t row = 0; row < tile.row_panels * panel_rows; row += block_rows) {
      const auto* rows = tile.rows + row / panel_rows * panel_bytes + row % panel_rows * (step_bytes / panel_rows);
      body(row, rows, panel, panels, columns);
    }
  }
}

// The sums of one block come to this: a list of survivors, or all scores.
struct Output {
  const CodeTile& tile;
  std::uint32_t* survivors;
  std::int32_t* sums;  // of the survivors, or null
  float* scores;
  std::int64_t count = 0;
};

// ---- plain

template <class Code>
void multiply_plain(const std::uint8_t* rows, const std::uint8_t* columns, std::int64_t steps, const std::int32_t* start,
                    std::int32_t (&sums)[block_rows][panel_rows]) {
  constexpr std::int64_t terms = step_bytes / panel_rows / sizeof(Code);
  for (std::int64_t r = 0; r < block_rows; ++r) std::fill_n(sums[r], panel_rows, start[r]);
  for (std::int64_t t = 0; t < steps; ++t, rows += step_bytes, columns += step_bytes) {
    Code left[terms * block_rows], right[terms * panel_rows];
    std::memcpy(left, rows, sizeof(left));
    std::memcpy(right, columns, sizeof(right));
    for (std::int64_t i = 0; i < terms; ++i) {
      std::int32_t lanes[panel_rows];
      for (std::int64_t lane = 0; lane < panel_rows; ++lane) lanes[lane] = static_cast<std::int32_t>(right[terms * lane + i]);
      for (std::int64_t r = 0; r < block_rows; ++r) {
        const auto value = static_cast<std::int32_t>(left[terms * r + i]);
        for (std::int64_t lane = 0; lane < panel_rows; ++lane) sums[r][lane] += value * lanes[lane];
      }
    }
  }
}

#if defined(__x86_64__)
[[gnu::always_inline]] inline int four_bytes(const std::uint8_t* at) {
  int value = 0;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

// Of 16 bits: two products and their sum are one instruction of SSE2, which every such processor has.
void multiply_sse2(const std::uint8_t* rows, const std::uint8_t* columns, std::int64_t steps,
                   std::int32_t (&sums)[block_rows][panel_rows]) {
  for (std::int64_t row = 0; row < block_rows; row += 2) {
    __m128i sum[2][4];
    for (auto& four : sum) four[0] = four[1] = four[2] = four[3] = _mm_setzero_si128();
    for (std::int64_t t = 0; t < steps * step_bytes; t += step_bytes) {
      const auto first = _mm_set1_epi32(four_bytes(rows + t + 4 * row)),
                 second = _mm_set1_epi32(four_bytes(rows + t + 4 * row + 4));
#pragma GCC unroll 4
      for (std::int64_t v = 0; v < 4; ++v) {
        const auto right = _mm_loadu_si128(reinterpret_cast<const __m128i*>(columns + t + 16 * v));
        sum[0][v] = _mm_add_epi32(sum[0][v], _mm_madd_epi16(first, right));
        sum[1][v] = _mm_add_epi32(sum[1][v], _mm_madd_epi16(second, right));
      }
    }
    std::memcpy(sums[row], sum, sizeof(sum));
  }
}
#endif

template <bool store>
void tile_plain(bool narrow, Output& out) {
  const CodeTile& tile = out.tile;
  constexpr std::int32_t none[block_rows] = {};
  const auto width = tile.column_panels * panel_rows;
  for_each_block<1>(tile, false, [&](std::int64_t row, const auto* rows, std::int64_t panel, std::int64_t, const auto* columns) {
    std::int32_t sums[block_rows][panel_rows];
    if (narrow) {
      multiply_plain<std::int8_t>(rows, columns, tile.steps, none, sums);
    } else {
#if defined(__x86_64__)
      multiply_sse2(rows, columns, tile.steps, sums);
#else
      multiply_plain<std::int16_t>(rows, columns, tile.steps, none, sums);
#endif
    }
    for (std::int64_t i = row; i < row + block_rows; ++i) {
      for (std::int64_t j = panel * panel_rows; j < (panel + 1) * panel_rows; ++j) {
        const float x = static_cast<float>(sums[i - row][j % panel_rows]) * tile.column_factor[j] * tile.row_factor[i];
        if (store) {
          out.scores[i * width + j] = tile.row_offset[i] + tile.column_offset[j] - x;
        } else if (x >= tile.column_offset[j] - tile.row_limit[i] || x >= tile.row_offset[i] - tile.column_limit[j]) {
          if (out.sums != nullptr) out.sums[out.count] = sums[i - row][j % panel_rows];
          out.survivors[out.count++] = static_cast<std::uint32_t>(i << 16 | j);
        }
      }
    }
  });
}

#if defined(__x86_64__)

// ---- AVX2: 4 rows × 16 columns in 8 registers of sums

template <bool store>
DIVA_TARGET_AVX2 void tile_avx2(Output& out) {
  const CodeTile& tile = out.tile;
  const auto width = tile.column_panels * panel_rows, panel_bytes = tile.steps * step_bytes;
  for (std::int64_t panel = 0; panel < tile.column_panels; ++panel) {
    const auto* columns = tile.columns + panel * panel_bytes;
    for (std::int64_t row = 0; row < tile.row_panels * panel_rows; row += 4) {
      const auto* rows = tile.rows + row / panel_rows * panel_bytes + row % panel_rows * 4;
      __m256i sums[4][2];
      for (auto& sum : sums) sum[0] = sum[1] = _mm256_setzero_si256();
      for (std::int64_t t = 0; t < panel_bytes; t += step_bytes) {
        const auto low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(columns + t));
        const auto high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(columns + t + 32));
#pragma GCC unroll 4
        for (std::int64_t r = 0; r < 4; ++r) {
          const auto left = _mm256_set1_epi32(four_bytes(rows + t + 4 * r));
          sums[r][0] = _mm256_add_epi32(sums[r][0], _mm256_madd_epi16(left, low));
          sums[r][1] = _mm256_add_epi32(sums[r][1], _mm256_madd_epi16(left, high));
        }
      }
#pragma GCC unroll 4
      for (std::int64_t r = 0; r < 4; ++r) {
        const auto i = row + r;
        const auto factor = _mm256_set1_ps(tile.row_factor[i]), offset = _mm256_set1_ps(tile.row_offset[i]);
#pragma GCC unroll 2
        for (std::int64_t half = 0; half < 2; ++half) {
          const auto j = panel * panel_rows + 8 * half;
          const auto column_offset = _mm256_loadu_ps(tile.column_offset + j);
          const auto x =
              _mm256_mul_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(sums[r][half]), _mm256_loadu_ps(tile.column_factor + j)), factor);
          if constexpr (store) {
            _mm256_storeu_ps(out.scores + i * width + j, _mm256_sub_ps(_mm256_add_ps(offset, column_offset), x));
          } else {
            const auto by_row = _mm256_sub_ps(column_offset, _mm256_set1_ps(tile.row_limit[i]));
            const auto by_column = _mm256_sub_ps(offset, _mm256_loadu_ps(tile.column_limit + j));
            const auto near = _mm256_or_ps(_mm256_cmp_ps(x, by_row, _CMP_GE_OQ), _mm256_cmp_ps(x, by_column, _CMP_GE_OQ));
            auto mask = static_cast<unsigned>(_mm256_movemask_ps(near));
            if (mask == 0) continue;
            std::int32_t eight[8];
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(eight), sums[r][half]);
            for (; mask != 0; mask &= mask - 1) {
              const auto lane = std::countr_zero(mask);
              out.sums[out.count] = eight[lane];
              out.survivors[out.count++] = static_cast<std::uint32_t>(i << 16 | (j + lane));
            }
          }
        }
      }
    }
  }
}

// ---- AVX-512: 8 rows × 48 columns in 24 registers of sums

template <bool narrow, bool store, int panels>
DIVA_TARGET_AVX512 void block_avx512(Output& out, std::int64_t row, const std::uint8_t* rows, std::int64_t panel,
                                     const std::uint8_t* columns) {
  const CodeTile& tile = out.tile;
  const auto panel_bytes = tile.steps * step_bytes;
  __m512i sums[block_rows][panels];
#pragma GCC unroll 8
  for (int r = 0; r < block_rows; ++r) {
    const auto start = narrow ? _mm512_set1_epi32(tile.row_start[row + r]) : _mm512_setzero_si512();
#pragma GCC unroll 3
    for (int v = 0; v < panels; ++v) sums[r][v] = start;
  }
  for (std::int64_t t = 0; t < panel_bytes; t += step_bytes) {
    __m512i right[panels];
#pragma GCC unroll 3
    for (int v = 0; v < panels; ++v) right[v] = _mm512_loadu_si512(columns + v * panel_bytes + t);
#pragma GCC unroll 8
    for (std::int64_t r = 0; r < block_rows; ++r) {
      const auto left = _mm512_set1_epi32(four_bytes(rows + t + 4 * r));
#pragma GCC unroll 3
      for (int v = 0; v < panels; ++v) {
        // Not the intrinsics: GCC 12 copies the sums to and from memory around them.
        if constexpr (narrow) {
          asm("vpdpbusd %2, %1, %0" : "+v"(sums[r][v]) : "v"(right[v]), "v"(left));
        } else {
          asm("vpdpwssd %2, %1, %0" : "+v"(sums[r][v]) : "v"(right[v]), "v"(left));
        }
      }
    }
  }
  const auto width = tile.column_panels * panel_rows, first = panel * panel_rows;
  const auto lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#pragma GCC unroll 8
  for (int r = 0; r < block_rows; ++r) {
    const auto i = row + r;
    const auto factor = _mm512_set1_ps(tile.row_factor[i]), offset = _mm512_set1_ps(tile.row_offset[i]);
#pragma GCC unroll 3
    for (int v = 0; v < panels; ++v) {
      const auto j = first + v * panel_rows;
      const auto column_offset = _mm512_loadu_ps(tile.column_offset + j);
      const auto x = _mm512_mul_ps(
          _mm512_mul_ps(_mm512_maskz_cvtepi32_ps(0xFFFF, sums[r][v]), _mm512_loadu_ps(tile.column_factor + j)), factor);
      if constexpr (store) {
        _mm512_storeu_ps(out.scores + i * width + j, _mm512_sub_ps(_mm512_add_ps(offset, column_offset), x));
      } else {
        const auto by_row = _mm512_sub_ps(column_offset, _mm512_set1_ps(tile.row_limit[i]));
        const auto by_column = _mm512_sub_ps(offset, _mm512_loadu_ps(tile.column_limit + j));
        const auto near =
            static_cast<__mmask16>(_mm512_cmp_ps_mask(x, by_row, _CMP_GE_OQ) | _mm512_cmp_ps_mask(x, by_column, _CMP_GE_OQ));
        if (near != 0) {
          const auto names = _mm512_or_si512(lanes, _mm512_set1_epi32(static_cast<int>(static_cast<std::uint32_t>(i << 16 | j))));
          _mm512_storeu_si512(out.survivors + out.count, _mm512_maskz_compress_epi32(near, names));
          if constexpr (!narrow) _mm512_storeu_si512(out.sums + out.count, _mm512_maskz_compress_epi32(near, sums[r][v]));
          out.count += std::popcount(static_cast<unsigned>(near));
        }
      }
    }
  }
}

template <bool narrow, bool store>
void tile_avx512(Output& out) {
  static_assert(panels_at_once == 3);
  for_each_block<3>(out.tile, narrow,
                    [&](std::int64_t row, const auto* rows, std::int64_t panel, std::int64_t panels, const auto* columns) {
                      if (panels == 3) {
                        block_avx512<narrow, store, 3>(out, row, rows, panel, columns);
                      } else if (panels == 2) {
                        block_avx512<narrow, store, 2>(out, row, rows, panel, columns);
                      } else {
                        block_avx512<narrow, store, 1>(out, row, rows, panel, columns);
                      }
                    });
}

#endif

template <bool store>
std::int64_t run_tile(Kernel kernel, bool narrow, Output out) {
#if defined(__x86_64__)
  if (kernel == Kernel::avx512) {
    narrow ? tile_avx512<true, store>(out) : tile_avx512<false, store>(out);
    return out.count;
  }
  if (kernel == Kernel::avx2 && !narrow) {
    tile_avx2<store>(out);
    return out.count;
  }
#endif
  tile_plain<store>(narrow, out);
  return out.count;
}

// ---- single pairs by codes of 16 bits

void products_plain(const SurvivorRows& of, std::int32_t* sums) {
  for (std::int64_t s = 0; s < of.count; ++s) {
    const auto* left = of.rows + (of.survivors[s] >> 16) * of.stride;
    const auto* right = of.columns + (of.survivors[s] & 0xFFFF) * of.stride;
    std::int32_t sum = 0;
    for (std::int64_t i = 0; i < of.stride; ++i) sum += std::int32_t{left[i]} * right[i];
    sums[s] = sum;
  }
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] inline __m256i sixteen(const std::int16_t* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

DIVA_TARGET_AVX512 void products_avx512(const SurvivorRows& of, std::int32_t* sums) {
  for (std::int64_t s = 0; s < of.count; ++s) {
    const auto* left = of.rows + (of.survivors[s] >> 16) * of.stride;
    const auto* right = of.columns + (of.survivors[s] & 0xFFFF) * of.stride;
    // 32 bytes at a time: what adds up 64 has GCC 12 warn of uninitialised values in its own header.
    auto a = _mm256_setzero_si256(), b = a, c = a, d = a;
    std::int64_t i = 0;
    for (; i + 64 <= of.stride; i += 64) {
      a = _mm256_dpwssd_epi32(a, sixteen(left + i), sixteen(right + i));
      b = _mm256_dpwssd_epi32(b, sixteen(left + i + 16), sixteen(right + i + 16));
      c = _mm256_dpwssd_epi32(c, sixteen(left + i + 32), sixteen(right + i + 32));
      d = _mm256_dpwssd_epi32(d, sixteen(left + i + 48), sixteen(right + i + 48));
    }
    if (i < of.stride) {
      a = _mm256_dpwssd_epi32(a, sixteen(left + i), sixteen(right + i));
      b = _mm256_dpwssd_epi32(b, sixteen(left + i + 16), sixteen(right + i + 16));
    }
    const auto eight = _mm256_add_epi32(_mm256_add_epi32(a, b), _mm256_add_epi32(c, d));
    auto four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    sums[s] = _mm_cvtsi128_si32(_mm_add_epi32(four, _mm_shuffle_epi32(four, 0xB1)));
  }
}
#endif

// ---- direct sums

// What is left of a pair beyond its partial sums up to dimension `begin`, and their sum.
template <bool difference, class T>
double close_sums(double (&partial)[8], const T* x, const T* y, std::int64_t begin, std::int64_t dim) {
  for (auto i = begin; i < dim; ++i) {
    const auto a = static_cast<double>(x[i]), b = static_cast<double>(y[i]);
    partial[i % 8] += difference ? (a - b) * (a - b) : a * b;
  }
  return ((partial[0] + partial[4]) + (partial[1] + partial[5])) + ((partial[2] + partial[6]) + (partial[3] + partial[7]));
}

template <bool difference, class T>
void measure_plain(const T* x, const T* const* rows, std::int64_t count, std::int64_t dim, double* out) {
  for (std::int64_t row = 0; row < count; ++row) {
    double partial[8] = {};
    std::int64_t i = 0;
    for (; i + 8 <= dim; i += 8) {
      for (std::int64_t lane = 0; lane < 8; ++lane) {
        const auto a = static_cast<double>(x[i + lane]), b = static_cast<double>(rows[row][i + lane]);
        partial[lane] += difference ? (a - b) * (a - b) : a * b;
      }
    }
    out[row] = close_sums<difference>(partial, x, rows[row], i, dim);
  }
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] inline __m256d four_doubles(const float* from) { return _mm256_cvtps_pd(_mm_loadu_ps(from)); }
[[gnu::target("avx2")]] inline __m256d four_doubles(const double* from) { return _mm256_loadu_pd(from); }

template <bool difference, int count, class T>
[[gnu::target("avx2")]] void measure_group(const T* x, const T* const* rows, std::int64_t dim, double* out) {
  __m256d sums[count][2];
  for (auto& sum : sums) sum[0] = sum[1] = _mm256_setzero_pd();
  std::int64_t i = 0;
  for (; i + 8 <= dim; i += 8) {
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      const auto left = four_doubles(x + i + 4 * half);
#pragma GCC unroll 4
      for (int row = 0; row < count; ++row) {
        const auto right = four_doubles(rows[row] + i + 4 * half);
        const auto factor = difference ? _mm256_sub_pd(left, right) : left;
        sums[row][half] = _mm256_add_pd(sums[row][half], _mm256_mul_pd(factor, difference ? factor : right));
      }
    }
  }
#pragma GCC unroll 4
  for (int row = 0; row < count; ++row) {
    double partial[8];
    _mm256_storeu_pd(partial, sums[row][0]);
    _mm256_storeu_pd(partial + 4, sums[row][1]);
    out[row] = close_sums<difference>(partial, x, rows[row], i, dim);
  }
}

// For a target without FMA: where there are fused additions, the compiler makes them.
template <bool difference, class T>
[[gnu::target("avx2")]] void measure_avx2(const T* x, const T* const* rows, std::int64_t count, std::int64_t dim, double* out) {
  std::int64_t row = 0;
  for (; row + 4 <= count; row += 4) measure_group<difference, 4>(x, rows + row, dim, out + row);
  // Together too: one row alone waits for its own additions.
  if (count - row == 3) measure_group<difference, 3>(x, rows + row, dim, out + row);
  if (count - row == 2) measure_group<difference, 2>(x, rows + row, dim, out + row);
  if (count - row == 1) measure_group<difference, 1>(x, rows + row, dim, out + row);
}

// Products of single precision are exact in double, so that fused additions give the bits of others.
template <int count>
DIVA_TARGET_AVX2 void multiply_group_avx2(const float* x, const float* const* rows, std::int64_t dim, double* out) {
  __m256d sums[count][2];
  for (auto& sum : sums) sum[0] = sum[1] = _mm256_setzero_pd();
  std::int64_t i = 0;
  for (; i + 8 <= dim; i += 8) {
#pragma GCC unroll 2
    for (std::int64_t half = 0; half < 2; ++half) {
      const auto left = _mm256_cvtps_pd(_mm_loadu_ps(x + i + 4 * half));
#pragma GCC unroll 4
      for (int row = 0; row < count; ++row) {
        sums[row][half] = _mm256_fmadd_pd(left, _mm256_cvtps_pd(_mm_loadu_ps(rows[row] + i + 4 * half)), sums[row][half]);
      }
    }
  }
#pragma GCC unroll 4
  for (int row = 0; row < count; ++row) {
    double partial[8];
    _mm256_storeu_pd(partial, sums[row][0]);
    _mm256_storeu_pd(partial + 4, sums[row][1]);
    out[row] = close_sums<false>(partial, x, rows[row], i, dim);
  }
}

template <int count>
DIVA_TARGET_AVX512 void multiply_group_avx512(const float* x, const float* const* rows, std::int64_t dim, double* out) {
  __m512d sums[count];
  for (auto& sum : sums) sum = _mm512_setzero_pd();
  std::int64_t i = 0;
  for (; i + 8 <= dim; i += 8) {
    const auto left = _mm512_maskz_cvtps_pd(0xFF, _mm256_loadu_ps(x + i));
#pragma GCC unroll 8
    for (int row = 0; row < count; ++row) {
      sums[row] = _mm512_fmadd_pd(left, _mm512_maskz_cvtps_pd(0xFF, _mm256_loadu_ps(rows[row] + i)), sums[row]);
    }
  }
#pragma GCC unroll 8
  for (int row = 0; row < count; ++row) {
    double partial[8];
    _mm512_storeu_pd(partial, sums[row]);
    out[row] = close_sums<false>(partial, x, rows[row], i, dim);
  }
}

template <int count>
void multiply_group(bool wide, const float* x, const float* const* rows, std::int64_t dim, double* out) {
  wide ? multiply_group_avx512<count>(x, rows, dim, out) : multiply_group_avx2<count>(x, rows, dim, out);
}

void multiply(bool wide, const float* x, const float* const* rows, std::int64_t count, std::int64_t dim, double* out) {
  std::int64_t row = 0;
  if (wide) {
    for (; row + 8 <= count; row += 8) multiply_group_avx512<8>(x, rows + row, dim, out + row);
  }
  for (; row + 4 <= count; row += 4) multiply_group<4>(wide, x, rows + row, dim, out + row);
  if (count - row == 3) multiply_group<3>(wide, x, rows + row, dim, out + row);
  if (count - row == 2) multiply_group<2>(wide, x, rows + row, dim, out + row);
  if (count - row == 1) multiply_group<1>(wide, x, rows + row, dim, out + row);
}
#endif

}  // namespace

Kernel best_kernel() {
#if defined(__x86_64__)
  static const Kernel best = [] {
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return Kernel::plain;
    const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vnni");
    return wide ? Kernel::avx512 : Kernel::avx2;
  }();
  return best;
#else
  return Kernel::plain;
#endif
}

std::int64_t filter_tile(Kernel kernel, bool narrow, const CodeTile& tile, std::uint32_t* survivors, std::int32_t* sums) {
  return run_tile<false>(kernel, narrow, {tile, survivors, sums, nullptr});
}

void score_tile(Kernel kernel, bool narrow, const CodeTile& tile, float* scores) {
  run_tile<true>(kernel, narrow, {tile, nullptr, nullptr, scores});
}

void survivor_products(Kernel kernel, const SurvivorRows& of, std::int32_t* sums) {
#if defined(__x86_64__)
  if (kernel == Kernel::avx512) return products_avx512(of, sums);
#endif
  products_plain(of, sums);
}

template <class T>
void measure_rows(Kernel kernel, bool difference, const T* x, const T* const* rows, std::int64_t count, std::int64_t dim,
                  double* out) {
  auto* measure = difference ? measure_plain<true, T> : measure_plain<false, T>;
#if defined(__x86_64__)
  if (kernel != Kernel::plain) {
    if constexpr (std::is_same_v<T, float>) {
      if (!difference) return multiply(kernel == Kernel::avx512, x, rows, count, dim, out);
    }
    measure = difference ? measure_avx2<true, T> : measure_avx2<false, T>;
  }
#endif
  measure(x, rows, count, dim, out);
}

template void measure_rows(Kernel, bool, const float*, const float* const*, std::int64_t, std::int64_t, double*);
template void measure_rows(Kernel, bool, const double*, const double* const*, std::int64_t, std::int64_t, double*);

}  // namespace diva::inline v0_1::detail
