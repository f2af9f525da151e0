#pragma once

#include <diva/backbones/backbone.hpp>

#include <memory>
#include <string>
#include <vector>

namespace diva::detail {

/// What the backbones share: the named tensors, their start values, batch normalisation, pooling.
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
  explicit Network(const BackboneOptions& options) : options_(options) {}

  /// The last feature map.
  virtual torch::Tensor features(const torch::Tensor& images) const = 0;
  virtual std::int64_t channels() const = 0;                         ///< Channels of that map,
  virtual std::int64_t map_side(std::int64_t image_side) const = 0;  ///< and its side; 0 when the image is too small.
  virtual std::unique_ptr<Network> same_architecture() const = 0;

  struct Convolution {
    torch::Tensor weight;
    std::int64_t stride = 1;
    std::int64_t padding = 0;
    torch::Tensor operator()(const torch::Tensor& x) const { return torch::conv2d(x, weight, {}, stride, padding); }
  };
  struct Normalisation {
    torch::Tensor weight, bias, mean, variance;
  };

  /// Without bias, padded so that stride 1 keeps the size.
  Convolution convolution(const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1);
  Normalisation normalisation(const std::string& name, std::int64_t channels);
  torch::Tensor normalise(const Normalisation& layer, const torch::Tensor& x) const;

  BackboneOptions options_;

 private:
  torch::Tensor add(std::vector<NamedTensor>& list, const std::string& name, torch::Tensor tensor);
  std::vector<NamedTensor> all() const;

  std::vector<NamedTensor> parameters_, buffers_;
  bool training_ = true;
};

std::unique_ptr<Network> make_conv4(const BackboneOptions& options);

/// A ResNet: blocks in each of the four stages, plain (two 3x3 convolutions) or bottleneck (1x1, 3x3, 1x1 to four times the width).
struct ResNetForm {
  bool bottleneck = false;
  std::array<std::int64_t, 4> blocks{};
};
std::unique_ptr<Network> make_resnet(const ResNetForm& form, const BackboneOptions& options);

}  // namespace diva::detail
