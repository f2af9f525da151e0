#include "planes.hpp"

#include <algorithm>
#include <cmath>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace diva::inline v0_1::detail {
namespace {

// Pixels [begin, width) of a row, one channel.
void write_row(const std::uint8_t* pixels, std::int64_t begin, std::int64_t width, std::int64_t channels, bool mirrored,
               const LevelTable& plane, float* out) {
  const std::uint8_t* pixel = pixels + begin * channels + plane.channel;
  for (std::int64_t x = begin; x < width; ++x, pixel += channels) out[mirrored ? width - 1 - x : x] = plane.values[*pixel];
}

#if defined(__x86_64__)

[[gnu::target("avx2,fma")]] bool is_affine(const LevelTable& plane) {
  for (int grey = 0; grey < 256; ++grey) {
    const auto value = static_cast<float>(std::fma(static_cast<double>(grey), plane.scale, plane.shift));
    if (value != plane.values[static_cast<std::size_t>(grey)]) return false;
  }
  return true;
}

// Four pixels of three channels a step, of which 16 bytes are read; returns how many pixels were done.
[[gnu::target("avx2,fma")]] std::int64_t write_rgb_avx2(const std::uint8_t* pixels, std::int64_t width, bool mirrored,
                                                        const LevelTable& plane, float* out) {
  const auto c = static_cast<char>(plane.channel);
  const auto at = [c](int pixel) { return static_cast<char>(3 * pixel + c); };
  const __m128i pick = mirrored ? _mm_setr_epi8(at(3), -1, -1, -1, at(2), -1, -1, -1, at(1), -1, -1, -1, at(0), -1, -1, -1)
                                : _mm_setr_epi8(at(0), -1, -1, -1, at(1), -1, -1, -1, at(2), -1, -1, -1, at(3), -1, -1, -1);
  const __m256d scale = _mm256_set1_pd(plane.scale), shift = _mm256_set1_pd(plane.shift);
  std::int64_t x = 0;
  for (; 3 * x + 16 <= 3 * width; x += 4) {
    const __m128i levels = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(pixels + 3 * x)), pick);
    const __m256d values = _mm256_fmadd_pd(_mm256_cvtepi32_pd(levels), scale, shift);
    _mm_storeu_ps(out + (mirrored ? width - 4 - x : x), _mm256_cvtpd_ps(values));
  }
  return x;
}

bool has_fma() {
  static const bool found = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  return found;
}

#endif

}  // namespace

LevelTable normalised_levels(std::int64_t channel, double mean, double deviation, bool invert) {
  LevelTable plane;
  plane.channel = channel;
  for (int grey = 0; grey < 256; ++grey) {
    const double value = (invert ? 255 - grey : grey) / 255.0;
    plane.values[static_cast<std::size_t>(grey)] = static_cast<float>((value - mean) / deviation);
  }
  plane.scale = (invert ? -1 : 1) / (255 * deviation);
  plane.shift = ((invert ? 1 : 0) - mean) / deviation;
#if defined(__x86_64__)
  plane.is_affine = has_fma() && is_affine(plane);
#endif
  return plane;
}

void write_planes(const Image& image, bool mirrored, const std::vector<LevelTable>& planes, float* out) {
  for (std::int64_t y = 0; y < image.height; ++y) {
    const std::uint8_t* pixels = image.pixels.data() + y * image.width * image.channels;
    for (std::size_t plane = 0; plane < planes.size(); ++plane) {
      auto* const row = out + (static_cast<std::int64_t>(plane) * image.height + y) * image.width;
      std::int64_t done = 0;
#if defined(__x86_64__)
      if (image.channels == 3 && planes[plane].is_affine) done = write_rgb_avx2(pixels, image.width, mirrored, planes[plane], row);
#endif
      write_row(pixels, done, image.width, image.channels, mirrored, planes[plane], row);
    }
  }
}

}  // namespace diva::inline v0_1::detail
