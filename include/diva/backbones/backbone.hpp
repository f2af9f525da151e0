#pragma once

#include <torch/types.h>
#include <diva/core/generator.hpp>
#include <diva/core/module.hpp>
#include <diva/core/options.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace diva {

/// How a map of features [B, C, h, w] becomes one vector an image.
enum class Pooling {
  average,           ///< Mean over all places: what the DiVA paper uses.
  max,               ///< Maximum over all places.
  average_plus_max,  ///< Their sum.
  flatten,           ///< No pooling: all C·h·w values. The images must then be `image_size` pixels a side.
};

constexpr auto enumerators(Pooling) {
  return std::array{std::pair{Pooling::average, "average"}, std::pair{Pooling::max, "max"},
                    std::pair{Pooling::average_plus_max, "average_plus_max"}, std::pair{Pooling::flatten, "flatten"}};
}

/// What training does to batch normalisation, y = γ(x − mean)/√(variance + 1e-5) + β.
enum class BatchNorm {
  trainable,  ///< Normalise by the batch's statistics and keep running ones (momentum 0.1) for evaluation; γ, β are trained.
  frozen_statistics,  ///< Normalise by the running statistics and keep them; γ, β are trained. The seed's `frozen`.
  frozen,             ///< Running statistics, γ and β all stay; γ and β are then buffers, not parameters.
};

constexpr auto enumerators(BatchNorm) {
  return std::array{std::pair{BatchNorm::trainable, "trainable"}, std::pair{BatchNorm::frozen_statistics, "frozen_statistics"},
                    std::pair{BatchNorm::frozen, "frozen"}};
}

/// Options of make_backbone.
struct BackboneOptions {
  std::int64_t in_channels = 3;                 ///< Channels of the images: 3 for colour, 1 for gray.
  Pooling pooling = Pooling::average;           ///< How the last feature map becomes a vector.
  BatchNorm batch_norm = BatchNorm::trainable;  ///< Frozen statistics make sense with pretrained weights only.
  std::int64_t width = 64;                      ///< Channels of each block of conv4; the ResNets' widths are fixed.
  std::int64_t image_size = 28;                 ///< Side of the images in pixels; read only by `Pooling::flatten`.
};

template <class Visitor>
void describe(BackboneOptions& options, Visitor&& visit) {
  visit("in_channels", options.in_channels, "channels of the images", at_least(1));
  visit("pooling", options.pooling, "how the last feature map becomes a vector");
  visit("batch_norm", options.batch_norm, "whether training moves the statistics and the scales of batch normalisation");
  visit("width", options.width, "channels of each block of conv4", at_least(1));
  visit("image_size", options.image_size, "side of the images in pixels, for flattened features", at_least(1));
}

/// A network from images to features, f(x) in the papers.
///
/// Its parameters and buffers carry the names that torchvision gives them (`layer1.0.conv1.weight`, `bn1.running_mean`), without
/// the classifier and without `num_batches_tracked`, which nothing here reads. A new backbone is in training mode.
class Backbone : public Module {
 public:
  /// images [B, C, H, W], of the parameters' type and on their device -> features [B, feature_dim()].
  /// Throws ShapeError for another shape, and, in training, where a batch holds a single value a channel to normalise.
  virtual torch::Tensor forward(const torch::Tensor& images) = 0;
  [[nodiscard]] virtual std::int64_t feature_dim() const = 0;
  /// Training mode (true) or evaluation mode (false), which concerns batch normalisation alone.
  virtual void train(bool on = true) = 0;
  /// A backbone of its own with equal values, type, device and mode: the start of a momentum network.
  [[nodiscard]] virtual std::unique_ptr<Backbone> clone() const = 0;
};

/// The names that make_backbone takes.
std::vector<std::string> backbone_names();

/// Makes a backbone by name, its weights drawn from `initialisation`; torch's global generator is neither read nor moved.
///
/// | name                             | features            | what it is |
/// |----------------------------------|---------------------|-------------------------------------------------------------------------|
/// | resnet18, resnet34               | 512                 | residual blocks of two 3x3 convolutions; in 4, 8 and so on to 32
/// pixels | | resnet50, resnet101              | 2048                | bottleneck blocks, the stride on the 3x3 convolution | |
/// conv4                            | width               | four blocks of 3x3 convolution, batch norm, ReLU, 2x2 maximum |
///
/// Convolutions start normal with variance 2/(out_channels·kernel area), batch normalisation with γ = 1, β = 0, mean 0, variance 1.
///
/// Source:  He et al., Deep Residual Learning for Image Recognition, CVPR 2016, arXiv 1512.03385; names, strides and start values
/// of
///          torchvision.models.resnet. conv4: Vinyals et al., Matching Networks, NeurIPS 2016, arXiv 1606.04080.
/// Differs: nothing known for the ResNets. conv4's convolutions have no bias, since batch normalisation removes it.
/// Shapes:  images of any size from 1 pixel (ResNet; 32 and more are sensible) or 16 pixels (conv4) a side.
/// Throws:  OptionError for an unknown name or an option outside its range.
std::unique_ptr<Backbone> make_backbone(const std::string& name, const BackboneOptions& options, Generator& initialisation);

}  // namespace diva
