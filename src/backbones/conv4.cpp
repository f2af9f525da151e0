
#include "network.hpp"

namespace diva::inline v0_1::detail {
namespace {

class Conv4 : public Network {
 public:
  // Its maps have few channels: neither the layout nor joint weights in evaluation make it faster.
  explicit Conv4(const BackboneOptions& options) : Network(options, false) {
    if (options.widths.size() != 1 && options.widths.size() != 4) {
      fail<OptionError>("make_backbone", "widths", "one number, or one for each of the four blocks of conv4",
                        std::to_string(options.widths.size()) + " numbers");
    }
    auto in = options.in_channels;
    for (std::size_t i = 0; i < 4; ++i) {
      const auto name = "blocks." + std::to_string(i);
      const auto width = options.widths[options.widths.size() == 1 ? 0 : i];
      blocks_.push_back({convolution(name + ".conv", in, width, 3), normalisation(name + ".bn", width)});
      in = width;
    }
  }

 protected:
  Features features(const torch::Tensor& images) const override {
    auto x = images;
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      x = normalise(blocks_[i].normalisation, blocks_[i].convolution(x)).relu_();
      if (i < 3 || options_.last_halving) x = torch::max_pool2d(x, 2);
    }
    return {x};
  }
  std::int64_t channels() const override { return options_.widths.back(); }
  std::int64_t map_side(std::int64_t image_side) const override { return image_side / (options_.last_halving ? 16 : 8); }
  std::unique_ptr<Network> same_architecture() const override { return make_conv4(options_); }

 private:
  std::vector<Layer> blocks_;
};

}  // namespace

std::unique_ptr<Network> make_conv4(const BackboneOptions& options) { return std::make_unique<Conv4>(options); }

}  // namespace diva::inline v0_1::detail
