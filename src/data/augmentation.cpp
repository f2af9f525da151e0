#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <diva/core/error.hpp>
#include <diva/data/augmentation.hpp>

#include "planes.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

namespace diva::inline v0_1 {
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

void check(const char* function, std::int64_t channels, const AugmentationOptions& options) {
  validate(options);
  if (channels != options.channels) {
    detail::fail<ShapeError>(function, "image", fmt::format("of {} channels", options.channels), std::to_string(channels));
  }
}

// What a view is made from: an image that may be decoded part by part, or one that is there.
struct Source {
  explicit Source(const Image& decoded)
      : height(decoded.height),
        width(decoded.width),
        resize([&decoded](const auto& options) { return diva::resize(decoded, options); }) {}
  explicit Source(const ImageSource& encoded)
      : height(encoded.height()),
        width(encoded.width()),
        resize([&encoded](const auto& options) { return encoded.resize(options); }) {}

  std::int64_t height, width;
  std::function<Image(const ResizeOptions&)> resize;
};

// Grey levels before normalisation; the mirror is left to the one pass that writes planes.
struct View {
  Image image;
  bool mirrored = false;
};

View evaluation_geometry(const Source& source, const AugmentationOptions& options) {
  const auto [height, width] = short_side_size(source.height, source.width, options.evaluation_resize);
  return {source.resize({.height = height,
                         .width = width,
                         .window = centre_box(height, width, options.image_size, options.image_size),
                         .interpolation = options.interpolation})};
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

// Each step that is off leaves the generator alone.
Image recolour(Image image, const AugmentationOptions& options, Generator& generator) {
  const auto happens = [&](double probability) { return probability > 0 && generator.uniform() < probability; };
  if (happens(options.quarter_turns)) image = quarter_turn(image, 1 + generator.below(3));
  if (happens(options.color_jitter.probability)) image = color_jitter(image, options.color_jitter, generator);
  if (happens(options.grayscale)) image = to_gray(image);
  if (happens(options.blur.probability)) {
    image = gaussian_blur(image, options.blur.kernel_size, generator.uniform(options.blur.min_sigma, options.blur.max_sigma));
  }
  if (happens(options.erasing.probability)) {
    const auto box = random_erasing_box(image.height, image.width, options.erasing, generator);
    auto mean = options.mean;
    if (options.invert) std::transform(mean.begin(), mean.end(), mean.begin(), [](double grey) { return 1 - grey; });
    erase(image, box, options.erasing.fill, mean, options.standard_deviation, generator);
  }
  return image;
}

View training_geometry(const Source& source, const AugmentationOptions& options, Generator& generator) {
  View view;
  if (options.crop == TrainingCrop::random_resized) {
    view.image = source.resize({.height = options.image_size,
                                .width = options.image_size,
                                .source = random_resized_crop(source.height, source.width, options, generator),
                                .interpolation = options.interpolation});
  } else {
    view = evaluation_geometry(source, options);
  }
  if (moves(options.affine)) {
    const auto move = draw_move(options.affine, static_cast<double>(options.image_size), generator);
    view.image = move_affine(view.image, move, static_cast<std::uint8_t>(options.affine.fill));
  }
  view.mirrored = generator.uniform() < options.horizontal_flip;
  view.image = recolour(std::move(view.image), options, generator);
  return view;
}

// The channel that fills a plane.
std::int64_t channel_of(const AugmentationOptions& options, std::int64_t plane) {
  return options.channel_order == ChannelOrder::bgr ? options.channels - 1 - plane : plane;
}

std::vector<detail::LevelTable> levels_of(const AugmentationOptions& options, bool invert) {
  std::vector<detail::LevelTable> planes;
  for (std::int64_t plane = 0; plane < options.channels; ++plane) {
    const auto channel = channel_of(options, plane);
    const auto c = static_cast<std::size_t>(channel);
    planes.push_back(detail::normalised_levels(channel, options.mean[c], options.standard_deviation[c], invert));
  }
  return planes;
}

void write(const View& view, const AugmentationOptions& options, float* out) {
  detail::write_planes(view.image, view.mirrored, levels_of(options, options.invert), out);
}

void write(const View& view, const AugmentationOptions& options, std::uint8_t* out) {
  const auto& image = view.image;
  const std::uint8_t inverted = options.invert ? 255 : 0;  // 255 - grey has every bit of grey turned
  for (std::int64_t plane = 0; plane < image.channels; ++plane) {
    const std::uint8_t* pixel = image.pixels.data() + channel_of(options, plane);
    for (std::int64_t y = 0; y < image.height; ++y, out += image.width) {
      for (std::int64_t x = 0; x < image.width; ++x, pixel += image.channels) {
        out[view.mirrored ? image.width - 1 - x : x] = *pixel ^ inverted;
      }
    }
  }
}

template <class AnyImage, class Value>
void write_training(const AnyImage& image, std::int64_t channels, const AugmentationOptions& options, Generator& generator,
                    Value* out) {
  check("augment", channels, options);
  write(training_geometry(Source(image), options, generator), options, out);
}

template <class AnyImage, class Value>
void write_evaluation(const AnyImage& image, std::int64_t channels, const AugmentationOptions& options, Value* out) {
  check("evaluation_view", channels, options);
  write(evaluation_geometry(Source(image), options), options, out);
}

struct Recipe {
  const char* name;
  void (*change)(AugmentationOptions&);
};

constexpr std::array recipes{
    Recipe{"standard", [](AugmentationOptions&) {}},
    Recipe{"realistic",
           [](AugmentationOptions& options) {
             options.color_jitter = {.probability = 1, .brightness = 0.4, .contrast = 0.4, .saturation = 0.4, .hue = 0.4};
             options.grayscale = 0.2;
           }},
    Recipe{"simclr",
           [](AugmentationOptions& options) {
             options.color_jitter = {.probability = 0.8, .brightness = 0.8, .contrast = 0.8, .saturation = 0.8, .hue = 0.2};
             options.grayscale = 0.2;
             options.blur = {.probability = 0.5};
           }},
    Recipe{"bn_inception",
           [](AugmentationOptions& options) {
             options.mean = {128.0 / 255, 117.0 / 255, 104.0 / 255};
             options.standard_deviation = {1.0 / 255, 1.0 / 255, 1.0 / 255};
             options.channel_order = ChannelOrder::bgr;
           }},
};

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
  check_range("sigma", options.blur.min_sigma, options.blur.max_sigma);
  check_range("area", options.erasing.min_area, options.erasing.max_area);
  check_range("ratio", options.erasing.min_ratio, options.erasing.max_ratio);
  const auto kernel = options.blur.kernel_size;
  if (options.blur.probability > 0 && (kernel % 2 == 0 || kernel / 2 >= options.image_size)) {
    detail::fail<OptionError>("AugmentationOptions", "blur.kernel_size", fmt::format("odd, in [1, {}]", 2 * options.image_size - 1),
                              std::to_string(kernel));
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

std::vector<std::string> augmentation_recipe_names() {
  std::vector<std::string> names;
  for (const auto& recipe : recipes) names.emplace_back(recipe.name);
  return names;
}

AugmentationOptions augmentation_recipe(const std::string& name) {
  for (const auto& recipe : recipes) {
    if (name != recipe.name) continue;
    AugmentationOptions options;
    recipe.change(options);
    return options;
  }
  detail::fail_unknown("augmentation_recipe", "recipe", name, augmentation_recipe_names());
}

void augment(const Image& image, const AugmentationOptions& options, Generator& generator, float* out) {
  write_training(image, image.channels, options, generator, out);
}

void augment(const ImageSource& image, const AugmentationOptions& options, Generator& generator, float* out) {
  write_training(image, image.channels(), options, generator, out);
}

void augment(const ImageSource& image, const AugmentationOptions& options, Generator& generator, std::uint8_t* out) {
  write_training(image, image.channels(), options, generator, out);
}

void evaluation_view(const Image& image, const AugmentationOptions& options, float* out) {
  write_evaluation(image, image.channels, options, out);
}

void evaluation_view(const ImageSource& image, const AugmentationOptions& options, float* out) {
  write_evaluation(image, image.channels(), options, out);
}

void evaluation_view(const ImageSource& image, const AugmentationOptions& options, std::uint8_t* out) {
  write_evaluation(image, image.channels(), options, out);
}

torch::Tensor normalise(const torch::Tensor& images, const AugmentationOptions& options) {
  if (images.dim() != 4 || images.size(1) != options.channels ||
      (images.scalar_type() != torch::kUInt8 && !images.is_floating_point())) {
    detail::fail<ShapeError>("normalise", "images", fmt::format("[batch, {}, height, width] uint8 or floating", options.channels),
                             fmt::format("{} {}", fmt::join(images.sizes(), " x "), toString(images.scalar_type())));
  }
  validate(options);
  if (images.is_floating_point()) return images;
  if (!images.device().is_cpu()) {
    std::vector<float> scale, shift;  // grey · scale + shift
    for (std::int64_t plane = 0; plane < options.channels; ++plane) {
      const auto c = static_cast<std::size_t>(channel_of(options, plane));
      scale.push_back(static_cast<float>(1 / (255 * options.standard_deviation[c])));
      shift.push_back(static_cast<float>(-options.mean[c] / options.standard_deviation[c]));
    }
    const auto each_plane = [&](const std::vector<float>& values) {
      return torch::tensor(values).to(images.device()).view({-1, 1, 1});
    };
    return images.to(torch::kFloat32).mul_(each_plane(scale)).add_(each_plane(shift));
  }
  const auto input = images.contiguous();
  auto output = torch::empty(input.sizes(), torch::kFloat32);
  const auto planes = levels_of(options, false);  // the bytes are inverted already
  const auto plane_size = input.size(2) * input.size(3);
  const auto* from = input.data_ptr<std::uint8_t>();
  auto* to = output.data_ptr<float>();
  at::parallel_for(0, input.size(0) * options.channels, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t plane = begin; plane < end; ++plane) {
      const auto& table = planes[static_cast<std::size_t>(plane % options.channels)].values;
      for (std::int64_t i = plane * plane_size; i < (plane + 1) * plane_size; ++i) to[i] = table[from[i]];
    }
  });
  return output;
}

}  // namespace diva::inline v0_1
