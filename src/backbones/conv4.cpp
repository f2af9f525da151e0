#include <torch/torch.h>

#include "network.hpp"

namespace diva::detail {
namespace {

class Conv4 : public Network {
 public:
  explicit Conv4(const BackboneOptions& options) : Network(options) {
    auto in = options.in_channels;
    for (int i = 0; i < 4; ++i) {
      const auto name = "blocks." + std::to_string(i);
      blocks_.push_back({convolution(name + ".conv", in, options.width, 3), normalisation(name + ".bn", options.width)});
      in = options.width;
    }
  }

 protected:
  torch::Tensor features(const torch::Tensor& images) const override {
    auto x = images;
    for (const auto& [convolution, normalisation] : blocks_)
      x = torch::max_pool2d(normalise(normalisation, convolution(x)).relu_(), 2);
    return x;
  }
  std::int64_t channels() const override { return options_.width; }
  std::int64_t map_side(std::int64_t image_side) const override { return image_side / 16; }
  std::unique_ptr<Network> same_architecture() const override { return make_conv4(options_); }

 private:
  struct Block {
    Convolution convolution;
    Normalisation normalisation;
  };
  std::vector<Block> blocks_;
};

}  // namespace

std::unique_ptr<Network> make_conv4(const BackboneOptions& options) { return std::make_unique<Conv4>(options); }

}  // namespace diva::detail
