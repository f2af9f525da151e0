#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/data/image_transforms.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace diva {
namespace {

bool is_empty(const Box& box) { return box.height == 0 && box.width == 0; }

// The box itself, or all of an image of this size.
Box inside(const char* function, const char* argument, const Box& box, std::int64_t height, std::int64_t width) {
  if (is_empty(box)) return {0, 0, height, width};
  if (box.top < 0 || box.left < 0 || box.height < 1 || box.width < 1 || box.top > height - box.height ||
      box.left > width - box.width) {
    detail::fail<OptionError>(function, argument, fmt::format("inside an image of {} x {}", height, width),
                              fmt::format("{} x {} at row {}, column {}", box.height, box.width, box.top, box.left));
  }
  return box;
}

double kernel(Interpolation interpolation, double x) {
  x = std::abs(x);
  if (interpolation == Interpolation::bilinear) return std::max(0.0, 1 - x);
  constexpr double a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? a * (((x - 5) * x + 8) * x - 4) : 0;
}

// Weights are integers of this many bits after the point: with 8 bits of grey and one of overshoot they fill an int32.
constexpr int fraction_bits = 22;
constexpr std::int32_t half = 1 << (fraction_bits - 1);

std::uint8_t to_grey(std::int32_t sum) { return static_cast<std::uint8_t>(std::clamp(sum >> fraction_bits, 0, 255)); }

// Along one axis: output i is the sum over k < counts[i] of weights[i·stride + k] · input[firsts[i] + k].
struct Taps {
  std::vector<std::int64_t> firsts, counts;
  std::vector<std::int32_t> weights;
  std::int64_t stride = 0;
};

// For outputs [begin, begin + count) of an axis of `target` that is made of `source` inputs.
Taps make_taps(Interpolation interpolation, std::int64_t source, std::int64_t target, std::int64_t begin, std::int64_t count) {
  const double step = static_cast<double>(source) / static_cast<double>(target);
  const double stretch = std::max(step, 1.0);
  const double reach = (interpolation == Interpolation::bilinear ? 1 : 2) * stretch;
  Taps taps;
  taps.stride = 2 * static_cast<std::int64_t>(std::ceil(reach)) + 1;
  taps.weights.resize(static_cast<std::size_t>(count * taps.stride));
  std::vector<double> exact(static_cast<std::size_t>(taps.stride));
  for (std::int64_t i = 0; i < count; ++i) {
    const double centre = (static_cast<double>(begin + i) + 0.5) * step;
    const auto first = std::max<std::int64_t>(0, std::lround(centre - reach));
    const auto last = std::min<std::int64_t>(source, std::lround(centre + reach));
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

// One row; `input` points at the first pixel of the source, `Channels` is known so that the loop over it unrolls.
template <int Channels>
void blend_columns(const std::uint8_t* input, const Taps& taps, std::uint8_t* output) {
  for (std::size_t i = 0; i < taps.firsts.size(); ++i, output += Channels) {
    const std::uint8_t* pixel = input + taps.firsts[i] * Channels;
    const std::int32_t* weights = taps.weights.data() + static_cast<std::int64_t>(i) * taps.stride;
    std::int32_t sums[Channels];
    for (int c = 0; c < Channels; ++c) sums[c] = half;
    for (std::int64_t k = 0; k < taps.counts[i]; ++k, pixel += Channels) {
      for (int c = 0; c < Channels; ++c) sums[c] += pixel[c] * weights[k];
    }
    for (int c = 0; c < Channels; ++c) output[c] = to_grey(sums[c]);
  }
}

std::int64_t row_bytes(const Image& image) { return image.width * image.channels; }

const std::uint8_t* pixel_at(const Image& image, std::int64_t row, std::int64_t column) {
  return image.pixels.data() + row * row_bytes(image) + column * image.channels;
}

Image blank(std::int64_t height, std::int64_t width, std::int64_t channels) {
  return {height, width, channels, std::vector<std::uint8_t>(static_cast<std::size_t>(height * width * channels))};
}

void check_image(const char* function, const Image& image) {
  const bool known = image.channels == 1 || image.channels == 3;
  if (!known || image.height < 1 || image.width < 1 ||
      static_cast<std::int64_t>(image.pixels.size()) != image.height * image.width * image.channels) {
    detail::fail<ShapeError>(
        function, "image", "height x width x 1 or 3 channels of pixels",
        fmt::format("{} x {} x {} with {} pixels", image.height, image.width, image.channels, image.pixels.size()));
  }
}

}  // namespace

Image crop(const Image& image, const Box& box) {
  check_image("crop", image);
  const Box part = inside("crop", "box", box, image.height, image.width);
  Image result = blank(part.height, part.width, image.channels);
  for (std::int64_t y = 0; y < part.height; ++y) {
    std::copy_n(pixel_at(image, part.top + y, part.left), row_bytes(result), result.pixels.data() + y * row_bytes(result));
  }
  return result;
}

Image flip_horizontally(const Image& image) {
  check_image("flip_horizontally", image);
  Image result = image;
  for (std::int64_t y = 0; y < image.height; ++y) {
    std::uint8_t* output = result.pixels.data() + y * row_bytes(image);
    for (std::int64_t x = image.width - 1; x >= 0; --x) output = std::copy_n(pixel_at(image, y, x), image.channels, output);
  }
  return result;
}

Image resize(const Image& image, const ResizeOptions& options) {
  check_image("resize", image);
  if (options.height < 1 || options.width < 1) {
    detail::fail<OptionError>("resize", "size", "at least 1 x 1", fmt::format("{} x {}", options.height, options.width));
  }
  const Box source = inside("resize", "source", options.source, image.height, image.width);
  const Box window = inside("resize", "window", options.window, options.height, options.width);
  if (source.height == options.height && source.width == options.width) {
    return crop(image, {source.top + window.top, source.left + window.left, window.height, window.width});
  }

  const Taps rows = make_taps(options.interpolation, source.height, options.height, window.top, window.height);
  const Taps columns = make_taps(options.interpolation, source.width, options.width, window.left, window.width);
  const std::int64_t first_row = rows.firsts.front();
  const std::int64_t past_row = rows.firsts.back() + rows.counts.back();

  Image narrow = blank(past_row - first_row, window.width, image.channels);
  const std::int64_t length = row_bytes(narrow);
  for (std::int64_t y = 0; y < narrow.height; ++y) {
    const std::uint8_t* input = pixel_at(image, source.top + first_row + y, source.left);
    std::uint8_t* output = narrow.pixels.data() + y * length;
    image.channels == 1 ? blend_columns<1>(input, columns, output) : blend_columns<3>(input, columns, output);
  }

  Image result = blank(window.height, window.width, image.channels);
  std::vector<std::int32_t> sums(static_cast<std::size_t>(length));
  for (std::int64_t y = 0; y < window.height; ++y) {
    std::fill(sums.begin(), sums.end(), half);
    for (std::int64_t k = 0; k < rows.counts[static_cast<std::size_t>(y)]; ++k) {
      const std::int32_t weight = rows.weights[static_cast<std::size_t>(y * rows.stride + k)];
      const std::uint8_t* input = pixel_at(narrow, rows.firsts[static_cast<std::size_t>(y)] - first_row + k, 0);
      std::int32_t* sum = sums.data();
      for (std::int64_t i = 0; i < length; ++i) sum[i] += input[i] * weight;
    }
    std::transform(sums.begin(), sums.end(), result.pixels.begin() + y * length, to_grey);
  }
  return result;
}

std::pair<std::int64_t, std::int64_t> short_side_size(const Image& image, std::int64_t side) {
  if (side < 1) detail::fail<OptionError>("short_side_size", "side", "at least 1", std::to_string(side));
  if (image.height <= image.width) return {side, side * image.width / image.height};
  return {side * image.height / image.width, side};
}

Box centre_box(std::int64_t height, std::int64_t width, std::int64_t crop_height, std::int64_t crop_width) {
  const auto half_of = [](std::int64_t rest) { return static_cast<std::int64_t>(std::nearbyint(static_cast<double>(rest) / 2)); };
  return {half_of(height - crop_height), half_of(width - crop_width), crop_height, crop_width};
}

Image move_affine(const Image& image, const AffineMove& move, std::uint8_t fill) {
  check_image("move_affine", image);
  if (!(move.scale > 0)) detail::fail<OptionError>("move_affine", "scale", "greater than 0", fmt::format("{}", move.scale));
  if (!(std::abs(move.shear_degrees) < 90)) {
    detail::fail<OptionError>("move_affine", "shear_degrees", "in (-90, 90)", fmt::format("{}", move.shear_degrees));
  }
  constexpr double radian = std::numbers::pi / 180;
  const double cosine = std::cos(move.rotation_degrees * radian) / move.scale;
  const double sine = std::sin(move.rotation_degrees * radian) / move.scale;
  const double lean = std::tan(move.shear_degrees * radian);
  // A⁻¹ = [1 -lean; 0 1] · [cosine sine; -sine cosine], the scale already divided out.
  const double xx = cosine + lean * sine, xy = sine - lean * cosine;
  const double centre_x = static_cast<double>(image.width - 1) / 2, centre_y = static_cast<double>(image.height - 1) / 2;

  Image result = blank(image.height, image.width, image.channels);
  std::uint8_t* output = result.pixels.data();
  for (std::int64_t y = 0; y < image.height; ++y) {
    for (std::int64_t x = 0; x < image.width; ++x, output += image.channels) {
      const double right = static_cast<double>(x) - centre_x - move.right, down = static_cast<double>(y) - centre_y - move.down;
      const double from_x = centre_x + xx * right + xy * down, from_y = centre_y - sine * right + cosine * down;
      // Also keeps far-away positions within the range of integers; NaN counts as outside.
      if (!(from_x > -1 && from_y > -1 && from_x < static_cast<double>(image.width) &&
            from_y < static_cast<double>(image.height))) {
        std::fill_n(output, image.channels, fill);
        continue;
      }
      const auto left = static_cast<std::int64_t>(std::floor(from_x)), top = static_cast<std::int64_t>(std::floor(from_y));
      const auto part_x = std::lround((from_x - static_cast<double>(left)) * 256);
      const auto part_y = std::lround((from_y - static_cast<double>(top)) * 256);
      for (std::int64_t c = 0; c < image.channels; ++c) {
        const auto grey = [&](std::int64_t row, std::int64_t column) -> long {
          const bool outside = row < 0 || column < 0 || row >= image.height || column >= image.width;
          return outside ? fill : pixel_at(image, row, column)[c];
        };
        const long above = grey(top, left) * (256 - part_x) + grey(top, left + 1) * part_x;
        const long below = grey(top + 1, left) * (256 - part_x) + grey(top + 1, left + 1) * part_x;
        output[c] = static_cast<std::uint8_t>((above * (256 - part_y) + below * part_y + (1 << 15)) >> 16);
      }
    }
  }
  return result;
}

}  // namespace diva
