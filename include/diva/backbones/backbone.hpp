#pragma once

#include <torch/types.h>
#include <diva/core/generator.hpp>
#include <diva/core/listing.hpp>
#include <diva/core/module.hpp>
#include <diva/core/options.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace diva::inline v0_1 {

/// How a map of features [B, C, h, w] becomes one vector an image.
enum class Pooling {
  usual,             ///< What the published network does: the class token of a vision transformer, the average of any other.
  average,           ///< Mean over all places.
  max,               ///< Maximum over all places.
  average_plus_max,  ///< Their sum: the seed's `double`.
  gem,          ///< Generalised mean ((Σ max(x, 1e-6)ᵖ)/(h·w))^(1/p) of Radenović et al., TPAMI 2019, p learned (`pool.p`).
  class_token,  ///< The class token, of vision transformers only.
  flatten,      ///< No pooling: all C·h·w values. The images must then be `image_size` pixels a side.
};

constexpr auto enumerators(Pooling) {
  return std::array{std::pair{Pooling::usual, "usual"},    std::pair{Pooling::average, "average"},
                    std::pair{Pooling::max, "max"},        std::pair{Pooling::average_plus_max, "average_plus_max"},
                    std::pair{Pooling::gem, "gem"},        std::pair{Pooling::class_token, "class_token"},
                    std::pair{Pooling::flatten, "flatten"}};
}

/// What training does to batch normalisation, y = γ(x − mean)/√(variance + ε) + β.
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
  Pooling pooling = Pooling::usual;             ///< How the last feature map becomes a vector.
  BatchNorm batch_norm = BatchNorm::trainable;  ///< Frozen statistics make sense with pretrained weights only.
  double gem_power = 3;                         ///< p of `Pooling::gem` at the start: 1 is the average, ∞ the maximum.
  std::vector<std::int64_t> widths = {64};      ///< Channels of conv4's blocks: four, or one for all; others' are fixed.
  bool last_halving = true;                     ///< Whether conv4 halves its map after the fourth block too, as after the others.
  std::int64_t image_size = 28;                 ///< Side of the images in pixels; read by `Pooling::flatten` and by programs.
  std::string file = {};                        ///< Of `torchscript` and `aot_inductor`: the program that is the network.
};

template <class Visitor>
void describe(BackboneOptions& options, Visitor&& visit) {
  visit("in_channels", options.in_channels, "channels of the images", at_least(1));
  visit("pooling", options.pooling, "how the last feature map becomes a vector");
  visit("batch_norm", options.batch_norm, "whether training moves the statistics and the scales of batch normalisation");
  visit("gem_power", options.gem_power, "p of generalised mean pooling at the start", positive);
  visit("widths", options.widths, "channels of conv4's blocks: four, or one for all", at_least(1));
  visit("last_halving", options.last_halving, "whether conv4 halves its map after the fourth block too");
  visit("image_size", options.image_size, "side of the images in pixels, for flattened features and programs", at_least(1));
  visit("file", options.file, "program of the backbones torchscript and aot_inductor", any_value);
}

/// A network from images to features, f(x) in the papers.
///
/// Its parameters and buffers carry the names of the published networks (torchvision's `layer1.0.conv1.weight`, timm's
/// `blocks.0.attn.qkv.weight`), without the classifier and without `num_batches_tracked`, which nothing here reads. A new backbone
/// is in training mode.
///
/// Inside, images and the weights of convolutions lie channels-last in memory, which was measured to be fastest
/// (docs/performance.md); a caller need not care. Features agree with those of the other layout but for rounding.
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

/// The names that make_backbone takes, and what the documentation says of them.
std::vector<std::string> backbone_names();
std::vector<Listing> backbone_listings();

/// Makes a backbone by name, its weights drawn from `initialisation`; torch's global generator is neither read nor moved.
///
/// | name                                  | features | what it is                                                            |
/// |---------------------------------------|----------|-----------------------------------------------------------------------|
/// | resnet18, resnet34                    | 512      | residual blocks of two 3x3 convolutions; in 4, 8 and so on to 32      |
/// | resnet50, resnet101, resnet152        | 2048     | bottleneck blocks, the stride on the 3x3 convolution                  |
/// | bninception                           | 1024     | Inception with batch normalisation, as pretrainedmodels has it        |
/// | googlenet                             | 1024     | Inception v1 with batch normalisation, as torchvision has it          |
/// | vits16, vitb16, vitb32                | 384, 768 | vision transformers of 12 blocks on patches of 16 or 32 pixels        |
/// | dino_vits16, dino_vitb16              | 384, 768 | the same, under the names of DINO's weights                           |
/// | dinov2_vits14_reg4, dinov2_vitb14_reg4| 384, 768 | patches of 14, four register tokens, LayerScale                       |
/// | conv4                                 | width    | four blocks of 3x3 convolution, batch norm, ReLU, 2x2 maximum         |
/// | torchscript                           | any      | the TorchScript program `file`, from images to [B, D] or [B, D, h, w] |
/// | aot_inductor                          | any      | the same of AOTInductor's package `file`, for evaluation only         |
///
/// Convolutions start normal with variance 2/(out_channels·kernel area) and without offset, batch normalisation with γ = 1, β = 0,
/// mean 0, variance 1; the weights and position embeddings of transformers normal with deviation 0.02, class and register tokens
/// with deviation 1e-6, offsets 0, LayerScale 1e-5, as timm's.
///
/// Source:  He et al., Deep Residual Learning for Image Recognition, CVPR 2016, arXiv 1512.03385; names, strides and start values
///          of torchvision.models.resnet. Szegedy et al., Going Deeper with Convolutions, CVPR 2015, arXiv 1409.4842, and Ioffe and
///          Szegedy, Batch Normalization, ICML 2015, arXiv 1502.03167; form of torchvision.models.googlenet and of
///          pretrainedmodels.bninception. Dosovitskiy et al., An Image is Worth 16x16 Words, ICLR 2021, arXiv 2010.11929; timm's
///          vision_transformer. Caron et al., DINO, ICCV 2021, arXiv 2104.14294. Darcet et al., Vision Transformers Need Registers,
///          ICLR 2024, arXiv 2309.16588. conv4: Vinyals et al., Matching Networks, NeurIPS 2016, arXiv 1606.04080.
/// Differs: nothing known for the ResNets. conv4's convolutions have no bias, since batch normalisation removes it. torchvision's
///          pretrained googlenet rescales its inputs; here that is the normalisation by mean 0.5 and deviation 0.5 of the data.
///          bninception also takes images whose maps have odd sides, where pretrainedmodels' branches do not fit. Position
///          embeddings for other image sizes are resampled as timm does it (bicubic, antialiased); DINO's own code does so without
///          antialiasing and shifted by 0.1 of a patch.
/// Shapes:  images of any size from 1 pixel (ResNet; 32 and more are sensible), 16 pixels (conv4) or a few (Inception) a side;
///          multiples of the patch for transformers.
/// Throws:  OptionError for an unknown name or an option outside its range; IoError for a program that cannot be read.
std::unique_ptr<Backbone> make_backbone(const std::string& name, const BackboneOptions& options, Generator& initialisation);

}  // namespace diva::inline v0_1
