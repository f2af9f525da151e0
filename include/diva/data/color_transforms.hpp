#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/data/image_transforms.hpp>
#include <diva/io/image.hpp>

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace diva::inline v0_1 {

/// torchvision's ColorJitter: how far each property may move. Applied with `probability`.
struct ColorJitterOptions {
  double probability = 0;  ///< In [0, 1].
  double brightness = 0;   ///< Factor uniform in [max(0, 1 − b), 1 + b]; ≥ 0.
  double contrast = 0;     ///< Likewise.
  double saturation = 0;   ///< Likewise.
  double hue = 0;          ///< Shift uniform in [−h, h], as a part of the colour circle; in [0, 1/2].
};

template <class Visitor>
void describe(ColorJitterOptions& options, Visitor&& visit) {
  visit("probability", options.probability, "how often colours are moved", between(0, 1));
  visit("brightness", options.brightness, "largest change of brightness, as a factor", non_negative);
  visit("contrast", options.contrast, "largest change of contrast, as a factor", non_negative);
  visit("saturation", options.saturation, "largest change of saturation, as a factor", non_negative);
  visit("hue", options.hue, "largest shift of hue, as a part of the colour circle", between(0, 0.5));
}

/// torchvision's GaussianBlur, applied with `probability`.
struct GaussianBlurOptions {
  double probability = 0;         ///< In [0, 1].
  std::int64_t kernel_size = 23;  ///< Odd, in pixels; SimCLR takes a tenth of the image's side.
  double min_sigma = 0.1;         ///< > 0.
  double max_sigma = 2;           ///< ≥ min_sigma; the deviation is uniform between the two.
};

template <class Visitor>
void describe(GaussianBlurOptions& options, Visitor&& visit) {
  visit("probability", options.probability, "how often the view is blurred", between(0, 1));
  visit("kernel_size", options.kernel_size, "pixels of the kernel, odd", at_least(1));
  visit("min_sigma", options.min_sigma, "smallest standard deviation in pixels", positive);
  visit("max_sigma", options.max_sigma, "largest standard deviation in pixels", positive);
}

/// What takes the place of an erased part.
enum class ErasingFill {
  mean,   ///< The grey level nearest to each channel's mean: torchvision's value 0 after normalisation, up to half a level.
  black,  ///< Grey level 0, before `invert`.
  noise,  ///< Normal with each channel's mean and deviation, rounded and clamped: torchvision's "random".
};

constexpr auto enumerators(ErasingFill) {
  return std::array{std::pair{ErasingFill::mean, "mean"}, std::pair{ErasingFill::black, "black"},
                    std::pair{ErasingFill::noise, "noise"}};
}

/// torchvision's RandomErasing, applied with `probability`.
struct RandomErasingOptions {
  double probability = 0;  ///< In [0, 1].
  double min_area = 0.02;  ///< Smallest share of the view that is erased; in (0, 1].
  double max_area = 0.33;  ///< Largest; ≥ min_area.
  double min_ratio = 0.3;  ///< Smallest height / width; > 0.
  double max_ratio = 3.3;  ///< Largest; ≥ min_ratio.
  ErasingFill fill = ErasingFill::mean;
};

template <class Visitor>
void describe(RandomErasingOptions& options, Visitor&& visit) {
  visit("probability", options.probability, "how often a box is erased", between(0, 1));
  visit("min_area", options.min_area, "smallest share of the view", Bounds{0, 1, true, false});
  visit("max_area", options.max_area, "largest share of the view", Bounds{0, 1, true, false});
  visit("min_ratio", options.min_ratio, "smallest height / width", positive);
  visit("max_ratio", options.max_ratio, "largest height / width", positive);
  visit("fill", options.fill, "mean, black or noise");
}

/// The image's luminance (19595 R + 38470 G + 7471 B + 2¹⁵) / 2¹⁶ in each of its channels: torchvision's Grayscale. A grey image
/// stays as it is. Throws, here and below: ShapeError for a malformed image.
Image to_gray(const Image& image);

/// The four enhancements blend the image with a degenerate one: out = degenerate + factor · (in − degenerate), clamped to [0, 255]
/// and cut to whole grey levels. Degenerate is black for brightness, the rounded mean luminance for contrast, the luminance for
/// saturation. A factor of 1 changes nothing, 0 gives the degenerate image.
///
/// Source:  Pillow's ImageEnhance, which torchvision's ColorJitter calls on PIL images.
/// Differs: nothing known; the tests compare for equality.
/// Throws:  OptionError for a negative factor.
Image adjust_brightness(const Image& image, double factor);
Image adjust_contrast(const Image& image, double factor);
Image adjust_saturation(const Image& image, double factor);

/// Turns the hue by `shift` of the colour circle, in [−1/2, 1/2]; grey images stay as they are. Hue, saturation and value have
/// eight bits each, as in Pillow, so that even a shift of 0 moves colours by a few levels.
///
/// Source:  torchvision's adjust_hue on PIL images, with Pillow's conversion to HSV and back.
Image adjust_hue(const Image& image, double shift);

/// Brightness, contrast, saturation and hue, in random order; what has no range is left out. Ignores `probability`.
Image color_jitter(const Image& image, const ColorJitterOptions& options, Generator& generator);

/// Blurred with a Gaussian of `sigma` pixels that is cut at `kernel_size` and sums to one; the image is mirrored at its borders,
/// without repeating the outermost pixel.
///
///   w_i ∝ exp(−i² / 2σ²),   |i| ≤ (kernel_size − 1) / 2
///
/// Source:  torchvision's GaussianBlur.
/// Differs: weights are integers of 15 bits, so results are the same on every machine and within one grey level of torchvision's.
/// Cost:    O(pixels · kernel_size).
/// Throws:  OptionError unless sigma > 0 and the kernel is odd and, each way, shorter than the image.
Image gaussian_blur(const Image& image, std::int64_t kernel_size, double sigma);

/// The box that RandomErasing would erase from a view of this size: area uniform in its range, log(height / width) uniform,
/// position uniform; after ten boxes that do not fit one without area, which stands for nothing here.
///
/// Source:  Zhong et al., Random Erasing Data Augmentation, AAAI 2020; torchvision's RandomErasing.
Box random_erasing_box(std::int64_t height, std::int64_t width, const RandomErasingOptions& options, Generator& generator);

/// Fills the box, nothing where it has no area; `mean` and `deviation` have one value a channel, of grey levels in [0, 1].
void erase(Image& image, const Box& box, ErasingFill fill, const std::vector<double>& mean, const std::vector<double>& deviation,
           Generator& generator);

}  // namespace diva::inline v0_1
