#pragma once

#include <torch/types.h>
#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/data/color_transforms.hpp>
#include <diva/data/image_source.hpp>
#include <diva/data/image_transforms.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace diva::inline v0_1 {

/// Which part of an image a training view shows.
enum class TrainingCrop {
  random_resized,  ///< A box of random area and proportion, resized to the view.
  none,            ///< The part that the evaluation view shows.
};

constexpr auto enumerators(TrainingCrop) {
  return std::array{std::pair{TrainingCrop::random_resized, "random_resized"}, std::pair{TrainingCrop::none, "none"}};
}

/// Random movements of the content, each uniform in its range. The default moves nothing.
struct AffineOptions {
  double max_rotation_degrees = 0;  ///< To either side; in [0, 180].
  double min_scale = 1;             ///< > 0.
  double max_scale = 1;             ///< ≥ min_scale.
  double max_shear_degrees = 0;     ///< To either side; in [0, 80].
  double max_translation = 0;       ///< To either side, as a share of the view's size, rows and columns apart; in [0, 1].
  std::int64_t fill = 0;            ///< Grey level that comes in from beyond the border, before `invert`.
};

template <class Visitor>
void describe(AffineOptions& options, Visitor&& visit) {
  visit("max_rotation_degrees", options.max_rotation_degrees, "largest random rotation to either side", between(0, 180));
  visit("min_scale", options.min_scale, "smallest random scale", positive);
  visit("max_scale", options.max_scale, "largest random scale", positive);
  visit("max_shear_degrees", options.max_shear_degrees, "largest random shear to either side", between(0, 80));
  visit("max_translation", options.max_translation, "largest random shift to either side, as a share of the view", between(0, 1));
  visit("fill", options.fill, "grey level that comes in from beyond the border, before inversion", between(0, 255));
}

/// The order of a colour view's planes.
enum class ChannelOrder {
  rgb,
  bgr,  ///< As networks of Caffe's time take them.
};

constexpr auto enumerators(ChannelOrder) {
  return std::array{std::pair{ChannelOrder::rgb, "rgb"}, std::pair{ChannelOrder::bgr, "bgr"}};
}

/// How images become network inputs. The default is what DiVA's code does for photographs: training views by a random resized crop
/// and a mirror, test views by Resize(256) and CenterCrop(224), ImageNet's mean and standard deviation.
///
/// Steps that can happen are taken in this order: crop and resize, affine movement, mirror, quarter turn, color_jitter, grayscale,
/// blur, erasing, and for every view normalisation. A step that is off draws nothing, so that switching one on leaves those before
/// it as they were.
struct AugmentationOptions {
  std::int64_t image_size = 224;  ///< Height and width of a view.
  std::int64_t channels = 3;      ///< 3 (RGB) or 1 (grey).
  TrainingCrop crop = TrainingCrop::random_resized;
  double min_crop_area = 0.08;           ///< Smallest share of the image's area that a random crop covers; in (0, 1].
  double max_crop_area = 1;              ///< Largest share; ≥ min_crop_area.
  double min_crop_ratio = 3.0 / 4;       ///< Smallest width / height of a random crop; > 0.
  double max_crop_ratio = 4.0 / 3;       ///< Largest; ≥ min_crop_ratio.
  double horizontal_flip = 0.5;          ///< Probability of a mirror; 0 for characters.
  AffineOptions affine = {};             ///< Applied to the cropped view.
  std::int64_t evaluation_resize = 256;  ///< Short side before the centre crop of a test view; ≥ image_size.
  Interpolation interpolation = Interpolation::bilinear;
  bool invert = false;                               ///< 255 − grey first: dark strokes on white become bright on black.
  std::vector<double> mean = {0.485, 0.456, 0.406};  ///< One a channel, of grey levels in [0, 1].
  std::vector<double> standard_deviation = {0.229, 0.224, 0.225};  ///< One a channel; > 0.
  ChannelOrder channel_order = ChannelOrder::rgb;  ///< Of the planes; mean and deviation are given in the order R, G, B.
  double quarter_turns = 0;                        ///< Probability of a turn by 90°, 180° or 270°, each as likely.
  ColorJitterOptions color_jitter = {};
  double grayscale = 0;  ///< Probability that a colour view becomes grey (torchvision's RandomGrayscale).
  GaussianBlurOptions blur = {};
  RandomErasingOptions erasing = {};
};

template <class Visitor>
void describe(AugmentationOptions& options, Visitor&& visit) {
  visit("image_size", options.image_size, "height and width of a view", at_least(1));
  visit("channels", options.channels, "3 for RGB, 1 for grey", between(1, 3));
  visit("crop", options.crop, "training crop: random_resized or none");
  visit("min_crop_area", options.min_crop_area, "smallest share of the area of a random crop", Bounds{0, 1, true, false});
  visit("max_crop_area", options.max_crop_area, "largest share of the area of a random crop", Bounds{0, 1, true, false});
  visit("min_crop_ratio", options.min_crop_ratio, "smallest width / height of a random crop", positive);
  visit("max_crop_ratio", options.max_crop_ratio, "largest width / height of a random crop", positive);
  visit("horizontal_flip", options.horizontal_flip, "probability of a mirror", between(0, 1));
  visit("affine", options.affine, "random rotation, scale, shear and shift");
  visit("evaluation_resize", options.evaluation_resize, "short side before the centre crop of a test view", at_least(1));
  visit("interpolation", options.interpolation, "bilinear or bicubic");
  visit("invert", options.invert, "use 255 - grey");
  visit("mean", options.mean, "mean of each channel, for grey levels in [0, 1]");
  visit("standard_deviation", options.standard_deviation, "standard deviation of each channel", positive);
  visit("channel_order", options.channel_order, "planes in the order rgb or bgr");
  visit("quarter_turns", options.quarter_turns, "probability of a turn by 90, 180 or 270 degrees", between(0, 1));
  visit("color_jitter", options.color_jitter, "random brightness, contrast, saturation and hue");
  visit("grayscale", options.grayscale, "probability that a colour view becomes grey", between(0, 1));
  visit("blur", options.blur, "random Gaussian blur");
  visit("erasing", options.erasing, "random box that is erased");
}

/// OptionError for a field out of bounds, an empty range, or a mean or deviation without one value a channel.
void validate(const AugmentationOptions& options);

/// A random crop: area uniform in its range, log(width / height) uniform in its range, position uniform; after ten boxes that do
/// not fit, the largest central box whose proportion is in range.
///
/// Source: Szegedy et al., Going Deeper with Convolutions, CVPR 2015, section 6; torchvision's RandomResizedCrop.
Box random_resized_crop(std::int64_t height, std::int64_t width, const AugmentationOptions& options, Generator& generator);

/// Names of the recipes that `augmentation_recipe` knows: standard (the defaults), realistic (the reference code's: grey with
/// probability 0.2 and a color jitter of 0.4 in all four), simclr (of Chen et al., ICML 2020, with blur; two views of it make a
/// pair), and bn_inception (the inputs of that network's weights: planes B, G, R of grey levels 0 to 255, less 104, 117, 128; crops
/// as standard).
std::vector<std::string> augmentation_recipe_names();

/// Throws: OptionError with the known names for another one.
AugmentationOptions augmentation_recipe(const std::string& name);

/// A training view: crop and resize, random movements, colours, normalisation, in the order that AugmentationOptions tells.
///
///   out[c, y, x] = (grey / 255 − mean[c]) / standard_deviation[c]
///
/// Shapes:  image of any size with `channels` channels → `out` has room for [channels, image_size, image_size] floats.
/// Cost:    for a decoded 500 x 375 photograph about 0.5 ms; only the pixels that the view needs are decoded and resized.
/// Throws:  OptionError (see `validate`), ShapeError for another number of channels.
void augment(const Image& image, const AugmentationOptions& options, Generator& generator, float* out);
void augment(const ImageSource& image, const AugmentationOptions& options, Generator& generator, float* out);

/// The same before normalisation: planes of grey levels, in `channel_order` and with `invert`, which `normalise` makes into the
/// floats above. A quarter of the bytes.
void augment(const ImageSource& image, const AugmentationOptions& options, Generator& generator, std::uint8_t* out);

/// The test view: short side to `evaluation_resize`, centre crop, normalisation. Draws nothing.
void evaluation_view(const Image& image, const AugmentationOptions& options, float* out);
void evaluation_view(const ImageSource& image, const AugmentationOptions& options, float* out);
void evaluation_view(const ImageSource& image, const AugmentationOptions& options, std::uint8_t* out);

/// The normalisation of a batch of grey levels, on their device; floats are taken as normalised already and returned as they are.
///
/// Shapes:  [B, channels, H, W] uint8 → float32, as `augment` and `evaluation_view` write bytes.
/// Differs: on the CPU equal to the floats of `augment`, bit by bit; elsewhere up to the last bit or two, as division is not done
///          twice.
/// Throws:  ShapeError for another type or number of channels.
torch::Tensor normalise(const torch::Tensor& images, const AugmentationOptions& options);

}  // namespace diva::inline v0_1
