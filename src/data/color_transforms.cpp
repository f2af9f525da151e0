#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/data/color_transforms.hpp>

#include "resampling.hpp"

#include <algorithm>
#include <cmath>

namespace diva::inline v0_1 {
namespace {

using detail::check_image;

std::uint8_t luminance(const std::uint8_t* rgb) {
  // 0.299, 0.587 and 0.114 as 16-bit fractions that sum to one, rounded.
  return static_cast<std::uint8_t>((19595u * rgb[0] + 38470u * rgb[1] + 7471u * rgb[2] + 32768u) >> 16);
}

std::int64_t pixels_of(const Image& image) { return image.height * image.width; }

void check_factor(const char* function, double factor) {
  if (!(factor >= 0)) detail::fail<OptionError>(function, "factor", "at least 0", fmt::format("{}", factor));
}

// In float, as Pillow blends.
std::uint8_t blend(std::uint8_t degenerate, std::uint8_t value, float factor) {
  const float blended = static_cast<float>(degenerate) + factor * static_cast<float>(int{value} - int{degenerate});
  return static_cast<std::uint8_t>(std::clamp(blended, 0.0F, 255.0F));
}

using Table = std::array<std::uint8_t, 256>;

// Blended with one grey level, by a table.
Image blend_with(const Image& image, std::uint8_t degenerate, double factor) {
  Table table;
  for (int grey = 0; grey < 256; ++grey) {
    table[static_cast<std::size_t>(grey)] = blend(degenerate, static_cast<std::uint8_t>(grey), static_cast<float>(factor));
  }
  Image result = image;
  for (auto& pixel : result.pixels) pixel = table[pixel];
  return result;
}

std::uint8_t clip(int value) { return static_cast<std::uint8_t>(std::clamp(value, 0, 255)); }

struct Hsv {
  std::uint8_t hue, saturation, value;
};

Hsv to_hsv(const std::uint8_t* rgb) {
  const auto [low, high] = std::minmax({rgb[0], rgb[1], rgb[2]});
  if (low == high) return {0, 0, high};
  const auto range = static_cast<float>(high - low);
  const float saturation = range / static_cast<float>(high);
  const auto distance = [&, top = high](int c) { return static_cast<float>(top - rgb[c]) / range; };
  float hue = 0;
  if (rgb[0] == high) {
    hue = distance(2) - distance(1);
  } else if (rgb[1] == high) {
    hue = static_cast<float>(2.0 + distance(0) - distance(2));
  } else {
    hue = static_cast<float>(4.0 + distance(1) - distance(0));
  }
  hue = static_cast<float>(std::fmod(hue / 6.0 + 1.0, 1.0));
  return {clip(static_cast<int>(hue * 255.0)), clip(static_cast<int>(saturation * 255.0)), high};
}

void from_hsv(const Hsv& hsv, std::uint8_t* rgb) {
  const auto value = hsv.value;
  if (hsv.saturation == 0) {
    std::fill_n(rgb, 3, value);
    return;
  }
  const auto saturation = static_cast<float>(hsv.saturation / 255.0);
  const auto sector = static_cast<int>(std::floor(static_cast<float>(hsv.hue) * 6.0 / 255.0));
  const auto rest = static_cast<float>(static_cast<float>(hsv.hue) * 6.0 / 255.0 - static_cast<float>(sector));
  const auto level = [&](double part) { return clip(static_cast<int>(std::round(static_cast<float>(value) * (1.0 - part)))); };
  const auto p = level(saturation), q = level(static_cast<double>(saturation * rest)), t = level(saturation * (1.0 - rest));
  const std::array<std::array<std::uint8_t, 3>, 6> sectors{
      {{value, t, p}, {q, value, p}, {p, value, t}, {p, q, value}, {t, p, value}, {value, p, q}}};
  std::copy_n(sectors[static_cast<std::size_t>(sector % 6)].begin(), 3, rgb);
}

// 0, 1, …, size−1 continued by mirrors at both ends.
std::int64_t mirrored(std::int64_t i, std::int64_t size) {
  if (i < 0) i = -i;
  return i >= size ? 2 * (size - 1) - i : i;
}

// Sums to 2^15, the centre taking what rounding leaves.
constexpr int blur_bits = 15;

std::vector<std::int32_t> blur_weights(std::int64_t size, double sigma) {
  std::vector<double> exact;
  double total = 0;
  for (std::int64_t i = 0; i < size; ++i) {
    const auto from_centre = i - size / 2;
    const double x = static_cast<double>(from_centre) / sigma;
    exact.push_back(std::exp(-0.5 * x * x));
    total += exact.back();
  }
  std::vector<std::int32_t> weights;
  std::int32_t rest = 1 << blur_bits;
  for (const double weight : exact) {
    weights.push_back(static_cast<std::int32_t>(std::lround(weight / total * (1 << blur_bits))));
    rest -= weights.back();
  }
  weights[static_cast<std::size_t>(size / 2)] += rest;
  return weights;
}

}  // namespace

Image to_gray(const Image& image) {
  check_image("to_gray", image);
  if (image.channels == 1) return image;
  Image result = image;
  for (std::int64_t i = 0; i < pixels_of(image); ++i) std::fill_n(&result.pixels[3 * i], 3, luminance(&image.pixels[3 * i]));
  return result;
}

Image adjust_brightness(const Image& image, double factor) {
  check_image("adjust_brightness", image);
  check_factor("adjust_brightness", factor);
  return blend_with(image, 0, factor);
}

Image adjust_contrast(const Image& image, double factor) {
  check_image("adjust_contrast", image);
  check_factor("adjust_contrast", factor);
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < pixels_of(image); ++i) {
    sum += image.channels == 1 ? image.pixels[i] : luminance(&image.pixels[3 * i]);
  }
  const double mean = static_cast<double>(sum) / static_cast<double>(pixels_of(image));
  return blend_with(image, static_cast<std::uint8_t>(std::lround(mean)), factor);
}

Image adjust_saturation(const Image& image, double factor) {
  check_image("adjust_saturation", image);
  check_factor("adjust_saturation", factor);
  if (image.channels == 1) return image;
  Image result = image;
  for (std::int64_t i = 0; i < pixels_of(image); ++i) {
    const auto gray = luminance(&image.pixels[3 * i]);
    for (std::int64_t c = 0; c < 3; ++c)
      result.pixels[3 * i + c] = blend(gray, image.pixels[3 * i + c], static_cast<float>(factor));
  }
  return result;
}

Image adjust_hue(const Image& image, double shift) {
  check_image("adjust_hue", image);
  if (!(std::abs(shift) <= 0.5)) detail::fail<OptionError>("adjust_hue", "shift", "in [-0.5, 0.5]", fmt::format("{}", shift));
  if (image.channels == 1) return image;
  const auto turn = static_cast<int>(shift * 255);
  Image result = image;
  for (std::int64_t i = 0; i < pixels_of(image); ++i) {
    auto hsv = to_hsv(&image.pixels[3 * i]);
    hsv.hue = static_cast<std::uint8_t>(hsv.hue + turn);  // around the circle of 256
    from_hsv(hsv, &result.pixels[3 * i]);
  }
  return result;
}

Image color_jitter(const Image& image, const ColorJitterOptions& options, Generator& generator) {
  validate_fields("color_jitter", options);
  check_image("color_jitter", image);
  const auto factor = [&](double range) { return generator.uniform(std::max(0.0, 1 - range), 1 + range); };
  std::array<int, 4> order{0, 1, 2, 3};
  for (std::int64_t i = 3; i > 0; --i) std::swap(order[i], order[generator.below(i + 1)]);
  Image result = image;
  for (const int step : order) {
    if (step == 0 && options.brightness > 0) result = adjust_brightness(result, factor(options.brightness));
    if (step == 1 && options.contrast > 0) result = adjust_contrast(result, factor(options.contrast));
    if (step == 2 && options.saturation > 0) result = adjust_saturation(result, factor(options.saturation));
    if (step == 3 && options.hue > 0) result = adjust_hue(result, generator.uniform(-options.hue, options.hue));
  }
  return result;
}

Image gaussian_blur(const Image& image, std::int64_t kernel_size, double sigma) {
  check_image("gaussian_blur", image);
  if (!(sigma > 0)) detail::fail<OptionError>("gaussian_blur", "sigma", "greater than 0", fmt::format("{}", sigma));
  const auto reach = kernel_size / 2, shortest = std::min(image.height, image.width);
  if (kernel_size < 1 || kernel_size % 2 == 0 || reach >= shortest) {
    detail::fail<OptionError>("gaussian_blur", "kernel_size", fmt::format("odd, in [1, {}]", 2 * shortest - 1),
                              std::to_string(kernel_size));
  }
  const auto weights = blur_weights(kernel_size, sigma);
  const auto channels = image.channels, length = image.width * channels;
  // Along rows, with the pixels beyond the borders written out; six bits after the point stay.
  constexpr int kept_bits = 6;
  std::vector<std::int32_t> narrow(image.pixels.size());
  std::vector<std::uint8_t> row(static_cast<std::size_t>((image.width + 2 * reach) * channels));
  for (std::int64_t y = 0; y < image.height; ++y) {
    const auto* input = image.pixels.data() + y * length;
    for (std::int64_t x = -reach; x < image.width + reach; ++x) {
      std::copy_n(input + mirrored(x, image.width) * channels, channels, &row[static_cast<std::size_t>((x + reach) * channels)]);
    }
    auto* sums = narrow.data() + y * length;
    std::fill_n(sums, length, 1 << (blur_bits - kept_bits - 1));
    for (std::int64_t k = 0; k < kernel_size; ++k) {
      const auto* shifted = row.data() + k * channels;
      const auto weight = weights[static_cast<std::size_t>(k)];
      for (std::int64_t i = 0; i < length; ++i) sums[i] += shifted[i] * weight;
    }
    for (std::int64_t i = 0; i < length; ++i) sums[i] >>= blur_bits - kept_bits;
  }
  Image result = image;
  std::vector<std::int32_t> sums(static_cast<std::size_t>(length));
  constexpr int shift = blur_bits + kept_bits;
  for (std::int64_t y = 0; y < image.height; ++y) {
    std::fill(sums.begin(), sums.end(), 1 << (shift - 1));
    for (std::int64_t k = 0; k < kernel_size; ++k) {
      const auto* input = narrow.data() + mirrored(y + k - reach, image.height) * length;
      const auto weight = weights[static_cast<std::size_t>(k)];
      for (std::int64_t i = 0; i < length; ++i) sums[static_cast<std::size_t>(i)] += input[i] * weight;
    }
    std::transform(sums.begin(), sums.end(), result.pixels.begin() + y * length,
                   [](std::int32_t sum) { return clip(sum >> shift); });
  }
  return result;
}

Box random_erasing_box(std::int64_t height, std::int64_t width, const RandomErasingOptions& options, Generator& generator) {
  const double area = static_cast<double>(height * width);
  const double low = std::log(options.min_ratio), high = std::log(options.max_ratio);
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double target = area * generator.uniform(options.min_area, options.max_area);
    const double ratio = std::exp(generator.uniform(low, high));
    const auto box_height = std::lround(std::sqrt(target * ratio)), box_width = std::lround(std::sqrt(target / ratio));
    if (box_height >= 1 && box_width >= 1 && box_height < height && box_width < width) {
      const auto top = generator.below(height - box_height + 1);
      return {top, generator.below(width - box_width + 1), box_height, box_width};
    }
  }
  return {};
}

void erase(Image& image, const Box& box, ErasingFill fill, const std::vector<double>& mean, const std::vector<double>& deviation,
           Generator& generator) {
  check_image("erase", image);
  if (box.height == 0 || box.width == 0) return;
  const auto inside = detail::box_inside("erase", "box", box, image.height, image.width);
  if (static_cast<std::int64_t>(mean.size()) != image.channels || mean.size() != deviation.size()) {
    detail::fail<ShapeError>("erase", "mean and deviation", fmt::format("of {} channels", image.channels),
                             fmt::format("{} and {}", mean.size(), deviation.size()));
  }
  for (std::int64_t y = inside.top; y < inside.top + inside.height; ++y) {
    auto* pixel = image.pixels.data() + (y * image.width + inside.left) * image.channels;
    for (std::int64_t x = 0; x < inside.width; ++x) {
      for (std::size_t c = 0; c < mean.size(); ++c, ++pixel) {
        const double noise = fill == ErasingFill::noise ? deviation[c] * generator.normal() : 0;
        *pixel = fill == ErasingFill::black
                     ? 0
                     : static_cast<std::uint8_t>(std::lround(std::clamp(255 * (mean[c] + noise), 0.0, 255.0)));
      }
    }
  }
}

}  // namespace diva::inline v0_1
