#include <fmt/format.h>
#include <fmt/ranges.h>
#include <diva/core/error.hpp>
#include <diva/data/augmentation.hpp>

#include <algorithm>
#include <cmath>

namespace diva {
namespace {

void check_range(const char* name, double lower, double upper) {
  if (lower <= upper) return;
  detail::fail<OptionError>("AugmentationOptions", fmt::format("max_{}", name), fmt::format("at least min_{} = {}", name, lower),
                            fmt::format("{}", upper));
}

void check_per_channel(const char* name, const std::vector<double>& values, std::int64_t channels) {
  if (static_cast<std::int64_t>(values.size()) == channels) return;
  detail::fail<OptionError>("AugmentationOptions", name, fmt::format("{} numbers, one a channel", channels),
                            fmt::format("{}", values));
}

void check(const char* function, const Image& image, const AugmentationOptions& options) {
  validate(options);
  if (image.channels != options.channels) {
    detail::fail<ShapeError>(function, "image", fmt::format("of {} channels", options.channels), fmt::format("{}", image.channels));
  }
}

Image evaluation_geometry(const Image& image, const AugmentationOptions& options) {
  const auto [height, width] = short_side_size(image, options.evaluation_resize);
  return resize(image, {.height = height,
                        .width = width,
                        .window = centre_box(height, width, options.image_size, options.image_size),
                        .interpolation = options.interpolation});
}

bool moves(const AffineOptions& affine) {
  return affine.max_rotation_degrees > 0 || affine.min_scale != 1 || affine.max_scale != 1 || affine.max_shear_degrees > 0 ||
         affine.max_translation > 0;
}

AffineMove draw_move(const AffineOptions& affine, double size, Generator& generator) {
  const auto to_either_side = [&](double largest) { return generator.uniform(-largest, largest); };
  AffineMove move;
  move.rotation_degrees = to_either_side(affine.max_rotation_degrees);
  move.scale = generator.uniform(affine.min_scale, affine.max_scale);
  move.shear_degrees = to_either_side(affine.max_shear_degrees);
  move.right = to_either_side(affine.max_translation * size);
  move.down = to_either_side(affine.max_translation * size);
  return move;
}

// Interleaved grey levels to planes of normalised floats.
void normalise(const Image& view, const AugmentationOptions& options, bool flip, float* out) {
  std::array<float, 256> table;
  for (std::int64_t c = 0; c < view.channels; ++c) {
    const double mean = options.mean[static_cast<std::size_t>(c)],
                 deviation = options.standard_deviation[static_cast<std::size_t>(c)];
    for (int grey = 0; grey < 256; ++grey) {
      const double value = (options.invert ? 255 - grey : grey) / 255.0;
      table[static_cast<std::size_t>(grey)] = static_cast<float>((value - mean) / deviation);
    }
    const std::uint8_t* pixel = view.pixels.data() + c;
    for (std::int64_t y = 0; y < view.height; ++y, out += view.width) {
      for (std::int64_t x = 0; x < view.width; ++x, pixel += view.channels) out[flip ? view.width - 1 - x : x] = table[*pixel];
    }
  }
}

}  // namespace

void validate(const AugmentationOptions& options) {
  validate_fields("AugmentationOptions", options);
  if (options.channels == 2) detail::fail<OptionError>("AugmentationOptions", "channels", "1 or 3", "2");
  check_range("crop_area", options.min_crop_area, options.max_crop_area);
  check_range("crop_ratio", options.min_crop_ratio, options.max_crop_ratio);
  check_range("scale", options.affine.min_scale, options.affine.max_scale);
  if (options.evaluation_resize < options.image_size) {
    detail::fail<OptionError>("AugmentationOptions", "evaluation_resize",
                              fmt::format("at least image_size = {}", options.image_size),
                              std::to_string(options.evaluation_resize));
  }
  check_per_channel("mean", options.mean, options.channels);
  check_per_channel("standard_deviation", options.standard_deviation, options.channels);
}

Box random_resized_crop(std::int64_t height, std::int64_t width, const AugmentationOptions& options, Generator& generator) {
  const auto rounded = [](double value) { return static_cast<std::int64_t>(std::lround(value)); };
  const double area = static_cast<double>(height * width);
  const double low = std::log(options.min_crop_ratio), high = std::log(options.max_crop_ratio);
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double target = area * generator.uniform(options.min_crop_area, options.max_crop_area);
    const double ratio = std::exp(generator.uniform(low, high));
    const auto crop_height = rounded(std::sqrt(target / ratio)), crop_width = rounded(std::sqrt(target * ratio));
    if (crop_height >= 1 && crop_width >= 1 && crop_height <= height && crop_width <= width) {
      return {generator.below(height - crop_height + 1), generator.below(width - crop_width + 1), crop_height, crop_width};
    }
  }
  const double ratio = static_cast<double>(width) / static_cast<double>(height);
  const double nearest = std::clamp(ratio, options.min_crop_ratio, options.max_crop_ratio);
  const auto crop_width = std::max<std::int64_t>(1, nearest < ratio ? rounded(static_cast<double>(height) * nearest) : width);
  const auto crop_height = std::max<std::int64_t>(1, nearest > ratio ? rounded(static_cast<double>(width) / nearest) : height);
  return centre_box(height, width, crop_height, crop_width);
}

void augment(const Image& image, const AugmentationOptions& options, Generator& generator, float* out) {
  check("augment", image, options);
  Image view;
  if (options.crop == TrainingCrop::random_resized) {
    view = resize(image, {.height = options.image_size,
                          .width = options.image_size,
                          .source = random_resized_crop(image.height, image.width, options, generator),
                          .interpolation = options.interpolation});
  } else {
    view = evaluation_geometry(image, options);
  }
  if (moves(options.affine)) {
    const auto move = draw_move(options.affine, static_cast<double>(options.image_size), generator);
    view = move_affine(view, move, static_cast<std::uint8_t>(options.affine.fill));
  }
  const bool flip = generator.uniform() < options.horizontal_flip;
  normalise(view, options, flip, out);
}

void evaluation_view(const Image& image, const AugmentationOptions& options, float* out) {
  check("evaluation_view", image, options);
  normalise(evaluation_geometry(image, options), options, false, out);
}

}  // namespace diva
