#pragma once

#include <diva/backbones/backbone.hpp>

#include <memory>
#include <string>
#include <vector>

namespace diva::inline v0_1::detail {

/// What the backbones share: the named tensors, their start values, convolution with batch normalisation, pooling.
///
/// Layers are small structs that hold handles of the tensors listed here, and torch's functions do the arithmetic; torch::nn's
/// modules would draw start values from the global generator on construction, only to have them overwritten.
class Network : public Backbone {
 public:
  std::vector<NamedTensor> named_parameters() const override { return parameters_; }
  std::vector<NamedTensor> named_buffers() const override { return buffers_; }
  torch::Tensor forward(const torch::Tensor& images) override;
  std::int64_t feature_dim() const override;
  void train(bool on) override { training_ = on; }
  std::unique_ptr<Backbone> clone() const override;

  /// Draws all weights.
  void initialise(Generator& generator);

 protected:
  struct Features {
    torch::Tensor map;               ///< [B, C, h, w]; not needed where the class token is pooled
    torch::Tensor class_token = {};  ///< [B, C], of transformers where it is pooled
  };

  /// Weights of convolutions lie `channels_last` in memory, or as the tensor's sizes say.
  explicit Network(const BackboneOptions& options, bool channels_last = true);

  /// The last feature map.
  virtual Features features(const torch::Tensor& images) const = 0;
  virtual std::int64_t channels() const = 0;                         ///< Channels of that map,
  virtual std::int64_t map_side(std::int64_t image_side) const = 0;  ///< and its side; 0 for images that cannot be taken.
  virtual std::string sides() const;                                 ///< Which can: "at least 16"
  virtual std::unique_ptr<Network> same_architecture() const = 0;
  /// The deviation of a weight's start values, or 0 for one that starts as it was made.
  virtual double deviation(const NamedTensor& parameter) const;

  struct Convolution {
    torch::Tensor weight;
    torch::Tensor bias;  ///< may be undefined
    std::int64_t stride = 1;
    std::int64_t padding = 0;
    torch::Tensor operator()(const torch::Tensor& x) const { return torch::conv2d(x, weight, bias, stride, padding); }
  };
  struct Normalisation {
    torch::Tensor weight, bias, mean, variance;
    double epsilon;
  };
  struct Layer {
    Convolution convolution;
    Normalisation normalisation;
  };

  /// Padded so that stride 1 keeps the size.
  Convolution convolution(const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1,
                          bool bias = false);
  Normalisation normalisation(const std::string& name, std::int64_t channels, double epsilon = 1e-5);
  /// Convolution, then batch normalisation: where neither statistics nor gradients are wanted, as one convolution.
  torch::Tensor apply(const Layer& layer, const torch::Tensor& x) const;
  torch::Tensor rectified(const Layer& layer, const torch::Tensor& x) const { return apply(layer, x).relu_(); }
  torch::Tensor normalise(const Normalisation& layer, const torch::Tensor& x) const;

  torch::Tensor parameter(const std::string& name, torch::Tensor start) { return add(parameters_, name, std::move(start)); }

  /// Images as convolutions take them fastest.
  static torch::Tensor laid_out(const torch::Tensor& images);

  BackboneOptions options_;

 private:
  torch::Tensor add(std::vector<NamedTensor>& list, const std::string& name, torch::Tensor tensor);
  std::vector<NamedTensor> all() const;
  void check(const torch::Tensor& images) const;
  torch::Tensor pooled(const Features& features) const;

  std::vector<NamedTensor> parameters_, buffers_;
  torch::Tensor gem_power_;  ///< undefined where another pooling is used
  bool channels_last_;
  bool training_ = true;
};

std::unique_ptr<Network> make_conv4(const BackboneOptions& options);

/// A ResNet: blocks in each of the four stages, plain (two 3x3 convolutions) or bottleneck (1x1, 3x3, 1x1 to four times the width).
struct ResNetForm {
  bool bottleneck = false;
  std::array<std::int64_t, 4> blocks{};
};
std::unique_ptr<Network> make_resnet(const ResNetForm& form, const BackboneOptions& options);

std::unique_ptr<Network> make_bninception(const BackboneOptions& options);
std::unique_ptr<Network> make_googlenet(const BackboneOptions& options);

/// A vision transformer of twelve blocks; heads of 64 channels.
struct TransformerForm {
  std::int64_t dim = 384;
  std::int64_t patch = 16;     ///< Side of a patch in pixels.
  std::int64_t grid = 14;      ///< Patches a side that position embeddings are stored for.
  std::int64_t registers = 0;  ///< Tokens beside the class token. Where there are some, positions belong to patches alone.
  double layer_scale = 0;      ///< Start of the learned factors of each block's two branches; 0: none.
};
std::unique_ptr<Network> make_transformer(const TransformerForm& form, const BackboneOptions& options);

/// Programs in files; each is the only source that includes its part of LibTorch.
std::unique_ptr<Backbone> make_torchscript(const BackboneOptions& options);
std::unique_ptr<Backbone> make_aot_inductor(const BackboneOptions& options);

/// What the two share: checked images, and the program's output as features: [B, D] as it is, or a map [B, D, h, w] pooled.
void check_program_images(const BackboneOptions& options, const torch::Tensor& images);
torch::Tensor program_features(const BackboneOptions& options, const torch::Tensor& output, std::int64_t batch);

/// A map [B, C, h, w] as vectors by a pooling without parameters.
torch::Tensor pool(Pooling pooling, const torch::Tensor& map);

}  // namespace diva::inline v0_1::detail
