#include "neighbour_codes.hpp"

#include <ATen/Parallel.h>
#include <torch/types.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "neighbour_kernels.hpp"

namespace diva::inline v0_1::detail {
namespace {

constexpr std::int64_t lanes = 8;  // of sums and maxima, which the compiler keeps in vector registers

float rounded_up(double value) { return static_cast<float>(value * (1 + 0x1p-20)) + std::numeric_limits<float>::min(); }

double length_of(const std::array<double, lanes>& squares) {
  double sum = 0;
  for (const double square : squares) sum += square;
  return std::sqrt(sum);
}

// a, padded with zeros to whole lanes; its largest magnitude and its length.
struct Coded {
  double largest, length;
};

// Turns a by Hadamard's matrix and signs, in blocks of the largest power of two that divides their number, of dimensions that lie
// apart. Lengths and products stay as they are, but what one coordinate held is spread over the block, so that no few large ones
// set the scale and leave the others with few bits.
void rotate(double* a, std::int64_t dim, double* turned) {
  const auto block = dim & -dim, blocks = dim / block;
  const double scale = 1 / std::sqrt(static_cast<double>(block));
  for (std::int64_t i = 0; i < dim; ++i) {
    const auto sign = static_cast<std::uint64_t>(i) * 0x9E3779B97F4A7C15U >> 63;  // as good as any: a fixed, even mixture
    turned[i % blocks * block + i / blocks] = sign != 0 ? -a[i] * scale : a[i] * scale;
  }
  for (std::int64_t half = 1; half < block; half *= 2) {
    for (std::int64_t begin = 0; begin < dim; begin += 2 * half) {
      for (auto i = begin; i < begin + half; ++i) {
        const double left = turned[i], right = turned[i + half];
        turned[i] = left + right;
        turned[i + half] = left - right;
      }
    }
  }
  std::copy_n(turned, dim, a);
}

template <class T>
Coded place(const T* x, double times, std::span<const double> centre, double* a, std::int64_t padded, double* turned) {
  const auto dim = static_cast<std::int64_t>(centre.size());
  for (std::int64_t i = 0; i < dim; ++i) a[i] = x[i] * times - centre[i];
  rotate(a, dim, turned);
  std::array<double, lanes> largest{}, squares{};
  for (std::int64_t i = 0; i < padded; i += lanes) {
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      const double magnitude = std::abs(a[i + lane]);
      largest[lane] = largest[lane] < magnitude ? magnitude : largest[lane];
      squares[lane] += magnitude * magnitude;
    }
  }
  return {*std::ranges::max_element(largest), length_of(squares)};
}

// Rounds a to codes and returns the length of what that leaves.
double round_to_codes(const double* a, double factor, std::int32_t* codes, std::int64_t padded) {
  constexpr double shift = 0x1.8p52;  // adding it leaves no room for a fraction
  const double inverse = 1 / factor;
  std::array<double, lanes> squares{};
  for (std::int64_t i = 0; i < padded; i += lanes) {
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      const double code = (a[i + lane] * inverse + shift) - shift;
      const double rest = a[i + lane] - factor * code;
      squares[lane] += rest * rest;
      codes[i + lane] = static_cast<std::int32_t>(code);
    }
  }
  return length_of(squares);
}

struct Rounded {
  float factor;
  double residual;
};

// To codes times the factor; to zeros where nothing can be divided by it.
Rounded round_row(const double* a, double wanted, double length, std::int32_t* codes, std::int64_t padded) {
  const auto factor = static_cast<float>(wanted);
  if (factor > std::numeric_limits<float>::min()) return {factor, round_to_codes(a, factor, codes, padded)};
  std::fill_n(codes, padded, 0);
  return {0, length};
}

template <class Code>
void write_codes(const std::int32_t* codes, std::int64_t steps, std::uint8_t* out) {
  constexpr std::int64_t terms = step_bytes / panel_rows / sizeof(Code);
  for (std::int64_t t = 0; t < steps; ++t, out += step_bytes, codes += terms) {
    std::array<Code, terms> few;
    for (std::int64_t i = 0; i < terms; ++i) few[i] = static_cast<Code>(codes[i]);
    std::memcpy(out, few.data(), sizeof(few));
  }
}

}  // namespace

const std::uint8_t* RowCodes::panel(std::int64_t index) const {
  return codes.data_ptr<std::uint8_t>() + index * steps * step_bytes;
}

std::vector<std::int32_t> spread_order(std::int64_t count) {
  auto stride = std::max<std::int64_t>(1, static_cast<std::int64_t>(0.6180339887498949 * static_cast<double>(count)));
  while (std::gcd(stride, count) != 1) ++stride;
  std::vector<std::int32_t> order(count);
  std::int64_t row = 0;
  for (auto& place : order) {
    place = static_cast<std::int32_t>(row);
    row = (row + stride) % count;
  }
  return order;
}

template <class T>
RowCodes encode_rows(const RowSource<T>& source, bool narrow) {
  RowCodes made;
  made.narrow = narrow;
  made.count = source.count;
  made.steps = (source.dim + (narrow ? 3 : 1)) / (narrow ? 4 : 2);
  made.panels = (source.count + panel_rows - 1) / panel_rows;
  made.codes = torch::empty({made.panels * made.steps * step_bytes}, torch::kUInt8);
  const auto places = static_cast<std::size_t>(made.panels * panel_rows);
  made.start.assign(places, 0);
  made.offset.assign(places, std::numeric_limits<float>::infinity());
  for (auto* values : {&made.factor, &made.residual, &made.reach, &made.offset_error}) values->assign(places, 0);

  double centre_length = 0;
  for (const double value : source.centre) centre_length += value * value;
  centre_length = std::sqrt(centre_length);
  const auto padded = (source.dim + lanes - 1) / lanes * lanes;
  auto& fine = made.fine;
  fine.factor.assign(places, 0);
  fine.bounds.assign(places, {});
  fine.stride = (source.dim + 31) / 32 * 32;
  if (narrow) fine.codes = torch::empty({source.count, fine.stride}, torch::kInt16);
  // 16 bits: √(2³¹) less what rounding may add to the length of the codes.
  const double longest = 46340 - std::sqrt(static_cast<double>(source.dim)) / 2 - 1;
  at::parallel_for(0, made.panels, 4, [&](std::int64_t begin, std::int64_t end) {
    std::vector<double> a(padded, 0.0), turned(source.dim);
    std::vector<std::int32_t> codes(padded);
    for (std::int64_t panel = begin; panel < end; ++panel) {
      auto* out = made.codes.template data_ptr<std::uint8_t>() + panel * made.steps * step_bytes;
      if ((panel + 1) * panel_rows > source.count) std::fill_n(out, made.steps * step_bytes, std::uint8_t{0});
      for (auto p = panel * panel_rows; p < std::min((panel + 1) * panel_rows, source.count); ++p, out += step_bytes / panel_rows) {
        const std::int64_t row = source.order.empty() ? p : source.order[p];
        const double times = source.times[source.times.size() == 1 ? 0 : row];
        const auto [largest, length] = place(source.data + row * source.dim, times, source.centre, a.data(), padded, turned.data());
        const double inherited = 0x1p-47 * (length + 2 * centre_length);  // what rounding to double, up to here, does to a
        const auto bounds = [&, length = length](double residual) {
          return RowBounds{rounded_up(length + residual + inherited), rounded_up(residual + inherited)};
        };
        const auto [factor, residual] =
            round_row(a.data(), std::max(length / longest, largest / 32766), length, codes.data(), padded);
        fine.factor[p] = made.factor[p] = factor;
        auto own = fine.bounds[p] = bounds(residual);
        if (narrow) {
          auto* to = std::copy(codes.begin(), codes.begin() + std::min(padded, fine.stride),
                               fine.codes.template data_ptr<std::int16_t>() + p * fine.stride);
          std::fill(to, fine.codes.template data_ptr<std::int16_t>() + (p + 1) * fine.stride, std::int16_t{0});
          const auto coarse = round_row(a.data(), largest / 127, length, codes.data(), padded);
          write_codes<std::int8_t>(codes.data(), made.steps, out);
          made.start[p] = -128 * std::accumulate(codes.begin(), codes.end(), 0);
          made.factor[p] = coarse.factor;
          own = bounds(coarse.residual);
        } else {
          write_codes<std::int16_t>(codes.data(), made.steps, out);
        }
        made.residual[p] = own.residual;
        made.reach[p] = own.reach;
        made.offset[p] = source.squares ? static_cast<float>(length * length) : 0;
        made.offset_error[p] = source.squares ? rounded_up(0x1p-24 * length * length + 4 * length * inherited) : 0;
      }
    }
  });
  return made;
}

template RowCodes encode_rows(const RowSource<float>&, bool);
template RowCodes encode_rows(const RowSource<double>&, bool);

}  // namespace diva::inline v0_1::detail
