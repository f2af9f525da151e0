
#include <optional>

#include "network.hpp"

namespace diva::inline v0_1::detail {
namespace {

class ResNet : public Network {
 public:
  ResNet(const ResNetForm& form, const BackboneOptions& options) : Network(options), form_(form) {
    stem_ = {convolution("conv1", options.in_channels, 64, 7, 2), normalisation("bn1", 64)};
    std::int64_t in = 64;
    for (std::size_t stage = 0; stage < form.blocks.size(); ++stage) {
      const std::int64_t width = std::int64_t{64} << stage;
      for (std::int64_t i = 0; i < form.blocks[stage]; ++i) {
        const std::int64_t stride = stage > 0 && i == 0 ? 2 : 1;
        add_block("layer" + std::to_string(stage + 1) + "." + std::to_string(i), in, width, stride);
        in = width * expansion();
      }
    }
    channels_ = in;
  }

 protected:
  Features features(const torch::Tensor& images) const override {
    auto x = torch::max_pool2d(apply(stem_, laid_out(images)).relu_(), 3, 2, 1);
    for (const auto& block : blocks_) {
      auto y = x;
      for (std::size_t i = 0; i < block.layers.size(); ++i) {
        if (i > 0) y.relu_();
        y = apply(block.layers[i], y);
      }
      x = y.add_(block.shortcut ? apply(*block.shortcut, x) : x).relu_();
    }
    return {x};
  }
  std::int64_t channels() const override { return channels_; }
  std::int64_t map_side(std::int64_t image_side) const override {
    return (image_side + 31) / 32;
  }  // five halvings, each rounded up
  std::unique_ptr<Network> same_architecture() const override { return make_resnet(form_, options_); }

 private:
  struct Block {
    std::vector<Layer> layers;      ///< ReLU between them
    std::optional<Layer> shortcut;  ///< where the block changes the shape
  };

  std::int64_t expansion() const { return form_.bottleneck ? 4 : 1; }

  void add_block(const std::string& name, std::int64_t in, std::int64_t width, std::int64_t stride) {
    Block block;
    const auto layer = [&](std::int64_t from, std::int64_t to, std::int64_t kernel, std::int64_t step) {
      const auto number = std::to_string(block.layers.size() + 1);
      block.layers.push_back(
          {convolution(name + ".conv" + number, from, to, kernel, step), normalisation(name + ".bn" + number, to)});
    };
    const std::int64_t out = width * expansion();
    if (form_.bottleneck) {
      layer(in, width, 1, 1);
      layer(width, width, 3, stride);
      layer(width, out, 1, 1);
    } else {
      layer(in, width, 3, stride);
      layer(width, out, 3, 1);
    }
    if (stride != 1 || in != out) {
      block.shortcut = Layer{convolution(name + ".downsample.0", in, out, 1, stride), normalisation(name + ".downsample.1", out)};
    }
    blocks_.push_back(std::move(block));
  }

  ResNetForm form_;
  Layer stem_;
  std::vector<Block> blocks_;
  std::int64_t channels_ = 0;
};

}  // namespace

std::unique_ptr<Network> make_resnet(const ResNetForm& form, const BackboneOptions& options) {
  return std::make_unique<ResNet>(form, options);
}

}  // namespace diva::inline v0_1::detail
