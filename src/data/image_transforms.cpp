#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/data/image_transforms.hpp>

#include "resampling.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace diva::inline v0_1 {
namespace {

using detail::box_inside;
using detail::check_image;

std::int64_t row_bytes(const Image& image) { return image.width * image.channels; }

const std::uint8_t* pixel_at(const Image& image, std::int64_t row, std::int64_t column) {
  return image.pixels.data() + row * row_bytes(image) + column * image.channels;
}

Image blank(std::int64_t height, std::int64_t width, std::int64_t channels) {
  return {height, width, channels, std::vector<std::uint8_t>(static_cast<std::size_t>(height * width * channels))};
}

}  // namespace

Image crop(const Image& image, const Box& box) {
  check_image("crop", image);
  const Box part = box_inside("crop", "box", box, image.height, image.width);
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

Image quarter_turn(const Image& image, std::int64_t turns) {
  check_image("quarter_turn", image);
  turns = (turns % 4 + 4) % 4;
  if (turns == 0) return image;
  Image result = blank(turns % 2 == 0 ? image.height : image.width, turns % 2 == 0 ? image.width : image.height, image.channels);
  std::uint8_t* output = result.pixels.data();
  for (std::int64_t y = 0; y < result.height; ++y) {
    for (std::int64_t x = 0; x < result.width; ++x) {
      const auto row = turns == 1 ? image.height - 1 - x : turns == 2 ? image.height - 1 - y : x;
      const auto column = turns == 1 ? y : turns == 2 ? image.width - 1 - x : image.width - 1 - y;
      output = std::copy_n(pixel_at(image, row, column), image.channels, output);
    }
  }
  return result;
}

Image resize(const Image& image, const ResizeOptions& options) {
  check_image("resize", image);
  detail::check_target(options);
  const Box source = box_inside("resize", "source", options.source, image.height, image.width);
  const Box window = box_inside("resize", "window", options.window, options.height, options.width);
  if (source.height == options.height && source.width == options.width) {
    return crop(image, {source.top + window.top, source.left + window.left, window.height, window.width});
  }
  const auto taps = [&](std::int64_t length, std::int64_t target, std::int64_t begin, std::int64_t count) {
    return detail::make_taps(options.interpolation, {0, static_cast<double>(length)}, target, begin, count);
  };
  return detail::resample(image, taps(source.height, options.height, window.top, window.height), source.top,
                          taps(source.width, options.width, window.left, window.width), source.left);
}

std::pair<std::int64_t, std::int64_t> short_side_size(std::int64_t height, std::int64_t width, std::int64_t side) {
  if (side < 1) detail::fail<OptionError>("short_side_size", "side", "at least 1", std::to_string(side));
  if (height <= width) return {side, side * width / height};
  return {side * height / width, side};
}

std::pair<std::int64_t, std::int64_t> short_side_size(const Image& image, std::int64_t side) {
  return short_side_size(image.height, image.width, side);
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

}  // namespace diva::inline v0_1
