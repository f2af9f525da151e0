#include <fmt/format.h>
#include <diva/core/error.hpp>

#include "resampling.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace diva::inline v0_1::detail {
namespace {

double kernel(Interpolation interpolation, double x) {
  x = std::abs(x);
  if (interpolation == Interpolation::bilinear) return std::max(0.0, 1 - x);
  constexpr double a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? a * (((x - 5) * x + 8) * x - 4) : 0;
}

// With 8 bits of grey and one of overshoot these fill an int32.
constexpr int fraction_bits = 22;
constexpr std::int32_t half = 1 << (fraction_bits - 1);

std::uint8_t to_grey(std::int32_t sum) { return static_cast<std::uint8_t>(std::clamp(sum >> fraction_bits, 0, 255)); }

// Eight rows of grey, or two of colour, side by side: a pixel of lanes is 8 bytes, of which colour leaves every fourth unused. One
// vector of eight sums then serves all of them.
constexpr std::int64_t lanes = 8;

std::int64_t rows_together(std::int64_t channels) { return channels == 1 ? 8 : 2; }

// Taps of one axis with the same number of weights for every output, those beyond its own being 0: loops of known length.
struct EvenTaps {
  std::int64_t count = 0;
  std::vector<std::int64_t> firsts;   // from the first input that is read
  std::vector<std::int32_t> weights;  // [output][count]
};

EvenTaps even(const Taps& taps) {
  EvenTaps result;
  result.count = *std::max_element(taps.counts.begin(), taps.counts.end());
  result.weights.reserve(taps.firsts.size() * static_cast<std::size_t>(result.count));
  for (std::size_t i = 0; i < taps.firsts.size(); ++i) {
    result.firsts.push_back(taps.firsts[i] - taps.first());
    const auto begin = taps.weights.begin() + static_cast<std::int64_t>(i) * taps.stride;
    result.weights.insert(result.weights.end(), begin, begin + taps.counts[i]);
    result.weights.resize((i + 1) * static_cast<std::size_t>(result.count), 0);
  }
  return result;
}

// out pixel i = Σ_k weights[i][k] · input pixel firsts[i] + k, of lanes.
void blend_lanes(const std::uint8_t* input, const EvenTaps& taps, std::uint8_t* output) {
  const std::int32_t* weights = taps.weights.data();
  for (const auto first : taps.firsts) {
    const std::uint8_t* pixel = input + first * lanes;
    std::int32_t sums[lanes];
    std::fill_n(sums, lanes, half);
    for (std::int64_t k = 0; k < taps.count; ++k, ++weights, pixel += lanes) {
      for (std::int64_t c = 0; c < lanes; ++c) sums[c] += pixel[c] * *weights;
    }
    for (std::int64_t c = 0; c < lanes; ++c) output[c] = to_grey(sums[c]);
    output += lanes;
  }
}

// out[x] = Σ_k weights[k] · rows[k·length + x].
void blend_rows(const std::uint8_t* rows, const std::int32_t* weights, std::int64_t count, std::int64_t length, std::int64_t begin,
                std::uint8_t* out) {
  for (std::int64_t x = begin; x < length; ++x) {
    std::int32_t sum = half;
    for (std::int64_t k = 0; k < count; ++k) sum += rows[k * length + x] * weights[k];
    out[x] = to_grey(sum);
  }
}

// Pixels [begin, width) of `rows` rows, `stride` bytes apart, to pixels of lanes and back.
void interleave(const std::uint8_t* input, std::int64_t stride, std::int64_t rows, std::int64_t width, std::int64_t channels,
                std::int64_t begin, std::uint8_t* output) {
  const auto room = lanes / rows_together(channels);
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::uint8_t* from = input + row * stride;
    std::uint8_t* to = output + row * room;
    for (std::int64_t x = begin; x < width; ++x)
      std::memcpy(to + x * lanes, from + channels * x, static_cast<std::size_t>(channels));
  }
}

void separate(const std::uint8_t* input, std::int64_t rows, std::int64_t width, std::int64_t channels, std::int64_t begin,
              std::uint8_t* output) {
  const auto room = lanes / rows_together(channels);
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::uint8_t* from = input + row * room;
    std::uint8_t* to = output + row * width * channels;
    for (std::int64_t x = begin; x < width; ++x)
      std::memcpy(to + channels * x, from + x * lanes, static_cast<std::size_t>(channels));
  }
}

#if defined(__x86_64__)

[[gnu::target("avx2")]] inline __m256i eight(const std::uint8_t* bytes) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes)));
}

// The packing saturates: to 16 bits with a sign, then to [0, 255].
[[gnu::target("avx2")]] inline void store_eight(__m256i sums, std::uint8_t* out) {
  const __m256i greys = _mm256_srai_epi32(sums, fraction_bits);
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(greys), _mm256_extracti128_si256(greys, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm_packus_epi16(words, words));
}

// `Count` weights an output where it is known, which leaves no loop; 0 stands for any other number.
template <int Count>
[[gnu::target("avx2")]] void blend_lanes_avx2(const std::uint8_t* input, const EvenTaps& taps, std::uint8_t* output) {
  const std::int64_t count = Count > 0 ? Count : taps.count;
  const std::int32_t* weights = taps.weights.data();
  for (const auto first : taps.firsts) {
    const std::uint8_t* pixel = input + first * lanes;
    __m256i sums = _mm256_set1_epi32(half);
    for (std::int64_t k = 0; k < count; ++k) {
      sums = _mm256_add_epi32(sums, _mm256_mullo_epi32(eight(pixel + k * lanes), _mm256_set1_epi32(weights[k])));
    }
    store_eight(sums, output);
    weights += count;
    output += lanes;
  }
}

template <int Count>
[[gnu::target("avx2")]] void blend_rows_avx2(const std::uint8_t* rows, const std::int32_t* weights, std::int64_t any_count,
                                             std::int64_t length, std::uint8_t* out) {
  const std::int64_t count = Count > 0 ? Count : any_count;
  std::int64_t x = 0;
  for (; x + 16 <= length; x += 16) {
    __m256i low = _mm256_set1_epi32(half), high = low;
    for (std::int64_t k = 0; k < count; ++k) {
      const __m256i weight = _mm256_set1_epi32(weights[k]);
      const std::uint8_t* bytes = rows + k * length + x;
      low = _mm256_add_epi32(low, _mm256_mullo_epi32(eight(bytes), weight));
      high = _mm256_add_epi32(high, _mm256_mullo_epi32(eight(bytes + 8), weight));
    }
    store_eight(low, out + x);
    store_eight(high, out + x + 8);
  }
  blend_rows(rows, weights, count, length, x, out);
}

// Four pixels of two rows a step; the rest, as 16 bytes are read for 12, is left to the plain loop. Returns how many were done.
[[gnu::target("avx2")]] std::int64_t interleave_two_avx2(const std::uint8_t* input, std::int64_t stride, std::int64_t width,
                                                         std::uint8_t* output) {
  const __m128i spread = _mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
  std::int64_t x = 0;
  for (; 3 * x + 16 <= 3 * width; x += 4) {
    const auto* at = reinterpret_cast<const __m128i*>(input + 3 * x);
    const auto* below = reinterpret_cast<const __m128i*>(input + stride + 3 * x);
    const __m128i one = _mm_shuffle_epi8(_mm_loadu_si128(at), spread), two = _mm_shuffle_epi8(_mm_loadu_si128(below), spread);
    auto* to = reinterpret_cast<__m128i*>(output + x * lanes);
    _mm_storeu_si128(to, _mm_unpacklo_epi32(one, two));
    _mm_storeu_si128(to + 1, _mm_unpackhi_epi32(one, two));
  }
  return x;
}

// The first three of each four bytes; four bytes more than those twelve are written.
[[gnu::target("avx2")]] inline void store_twelve(__m128 pixels, std::uint8_t* to) {
  const __m128i pack = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_shuffle_epi8(_mm_castps_si128(pixels), pack));
}

// The way back; what a step writes too much, the next one or the plain loop writes again.
[[gnu::target("avx2")]] std::int64_t separate_two_avx2(const std::uint8_t* input, std::int64_t width, std::uint8_t* output) {
  std::int64_t x = 0;
  for (; 3 * x + 16 <= 3 * width; x += 4) {
    const auto* from = reinterpret_cast<const __m128i*>(input + x * lanes);
    const __m128 low = _mm_castsi128_ps(_mm_loadu_si128(from)), high = _mm_castsi128_ps(_mm_loadu_si128(from + 1));
    store_twelve(_mm_shuffle_ps(low, high, 0x88), output + 3 * x);
    store_twelve(_mm_shuffle_ps(low, high, 0xDD), output + 3 * (width + x));
  }
  return x;
}

bool has_avx2() {
  static const bool found = __builtin_cpu_supports("avx2") != 0;
  return found;
}

#endif

void blend_lanes_here(const std::uint8_t* input, const EvenTaps& taps, std::uint8_t* output) {
#if defined(__x86_64__)
  if (has_avx2()) {
    switch (taps.count) {
      case 2:
        return blend_lanes_avx2<2>(input, taps, output);
      case 3:
        return blend_lanes_avx2<3>(input, taps, output);
      case 4:
        return blend_lanes_avx2<4>(input, taps, output);
      default:
        return blend_lanes_avx2<0>(input, taps, output);
    }
  }
#endif
  blend_lanes(input, taps, output);
}

void blend_rows_here(const std::uint8_t* rows, const std::int32_t* weights, std::int64_t count, std::int64_t length,
                     std::uint8_t* out) {
#if defined(__x86_64__)
  if (has_avx2()) {
    switch (count) {
      case 2:
        return blend_rows_avx2<2>(rows, weights, count, length, out);
      case 3:
        return blend_rows_avx2<3>(rows, weights, count, length, out);
      default:
        return blend_rows_avx2<0>(rows, weights, count, length, out);
    }
  }
#endif
  blend_rows(rows, weights, count, length, 0, out);
}

void interleave_here(const std::uint8_t* input, std::int64_t stride, std::int64_t rows, std::int64_t width, std::int64_t channels,
                     std::uint8_t* output) {
  std::int64_t done = 0;
#if defined(__x86_64__)
  if (channels == 3 && rows == 2 && has_avx2()) done = interleave_two_avx2(input, stride, width, output);
#endif
  interleave(input, stride, rows, width, channels, done, output);
}

void separate_here(const std::uint8_t* input, std::int64_t rows, std::int64_t width, std::int64_t channels, std::uint8_t* output) {
  std::int64_t done = 0;
#if defined(__x86_64__)
  if (channels == 3 && rows == 2 && has_avx2()) done = separate_two_avx2(input, width, output);
#endif
  separate(input, rows, width, channels, done, output);
}

}  // namespace

double reach_of(Interpolation interpolation, double stretch) {
  return (interpolation == Interpolation::bilinear ? 1 : 2) * stretch;
}

Taps make_taps(Interpolation interpolation, const SourceAxis& source, std::int64_t target, std::int64_t begin, std::int64_t count) {
  const double step = source.length / static_cast<double>(target);
  const double stretch = std::max(step, 1.0);
  const double reach = reach_of(interpolation, stretch);
  const auto past = static_cast<std::int64_t>(std::ceil(source.offset + source.length));
  Taps taps;
  taps.stride = 2 * static_cast<std::int64_t>(std::ceil(reach)) + 1;
  taps.weights.resize(static_cast<std::size_t>(count * taps.stride));
  taps.firsts.reserve(static_cast<std::size_t>(count));
  taps.counts.reserve(static_cast<std::size_t>(count));
  std::vector<double> exact(static_cast<std::size_t>(taps.stride));
  for (std::int64_t i = 0; i < count; ++i) {
    const double centre = source.offset + (static_cast<double>(begin + i) + 0.5) * step;
    const auto first = std::max<std::int64_t>(0, std::lround(centre - reach));
    const auto last = std::min<std::int64_t>(past, std::lround(centre + reach));
    double total = 0;
    for (std::int64_t k = first; k < last; ++k) {
      const double weight = kernel(interpolation, (static_cast<double>(k) + 0.5 - centre) / stretch);
      exact[static_cast<std::size_t>(k - first)] = weight;
      total += weight;
    }
    for (std::int64_t k = 0; k < last - first; ++k) {
      const double weight = exact[static_cast<std::size_t>(k)] / total * (1 << fraction_bits);
      taps.weights[static_cast<std::size_t>(i * taps.stride + k)] = static_cast<std::int32_t>(std::lround(weight));
    }
    taps.firsts.push_back(first);
    taps.counts.push_back(last - first);
  }
  return taps;
}

Image resample(const Image& held, const Taps& rows, std::int64_t top, const Taps& columns, std::int64_t left) {
  const auto channels = held.channels, stride = held.width * channels;
  const auto width = static_cast<std::int64_t>(columns.firsts.size()), height = static_cast<std::int64_t>(rows.firsts.size());
  const auto first_row = rows.first(), read_rows = rows.past() - first_row, read_width = columns.past() - columns.first();
  const auto length = width * channels, together = rows_together(channels);

  // Kept by each thread: pages that the system gives anew for every image cost more than the arithmetic on them.
  thread_local std::vector<std::uint8_t> narrow, wide, blended;
  const auto even_columns = even(columns);
  narrow.resize(static_cast<std::size_t>(read_rows * length));
  wide.resize(static_cast<std::size_t>((read_width + even_columns.count) * lanes));
  blended.resize(static_cast<std::size_t>(width * lanes));
  const auto* source = held.pixels.data() + (first_row + top) * stride + (columns.first() + left) * channels;
  for (std::int64_t y = 0; y < read_rows; y += together) {
    const auto count = std::min(together, read_rows - y);
    interleave_here(source + y * stride, stride, count, read_width, channels, wide.data());
    blend_lanes_here(wide.data(), even_columns, blended.data());
    separate_here(blended.data(), count, width, channels, narrow.data() + y * length);
  }

  Image result{height, width, channels, std::vector<std::uint8_t>(static_cast<std::size_t>(height * length))};
  for (std::int64_t y = 0; y < height; ++y) {
    const auto row = static_cast<std::size_t>(y);
    blend_rows_here(narrow.data() + (rows.firsts[row] - first_row) * length, rows.weights.data() + y * rows.stride,
                    rows.counts[row], length, result.pixels.data() + y * length);
  }
  constexpr std::size_t most_kept = std::size_t{1} << 24;
  if (narrow.capacity() > most_kept) narrow = {};
  return result;
}

Box box_inside(const char* function, const char* argument, const Box& box, std::int64_t height, std::int64_t width) {
  if (box.height == 0 && box.width == 0) return {0, 0, height, width};
  if (box.top < 0 || box.left < 0 || box.height < 1 || box.width < 1 || box.top > height - box.height ||
      box.left > width - box.width) {
    fail<OptionError>(function, argument, fmt::format("inside an image of {} x {}", height, width),
                      fmt::format("{} x {} at row {}, column {}", box.height, box.width, box.top, box.left));
  }
  return box;
}

void check_image(const char* function, const Image& image) {
  const bool known = image.channels == 1 || image.channels == 3;
  if (!known || image.height < 1 || image.width < 1 ||
      static_cast<std::int64_t>(image.pixels.size()) != image.height * image.width * image.channels) {
    fail<ShapeError>(function, "image", "height x width x 1 or 3 channels of pixels",
                     fmt::format("{} x {} x {} with {} pixels", image.height, image.width, image.channels, image.pixels.size()));
  }
}

void check_target(const ResizeOptions& options) {
  if (options.height < 1 || options.width < 1) {
    fail<OptionError>("resize", "size", "at least 1 x 1", fmt::format("{} x {}", options.height, options.width));
  }
}

}  // namespace diva::inline v0_1::detail
