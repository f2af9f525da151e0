#include "network.hpp"

namespace diva::inline v0_1::detail {
namespace {

/// Channels of one block's branches: 1x1; 1x1 and 3x3; 1x1 and another 3x3; pooling and 1x1.
struct BlockForm {
  const char* name;
  std::int64_t single, triple_reduce, triple, wide_reduce, wide, projection;
};

constexpr std::array forms{
    BlockForm{"3a", 64, 96, 128, 16, 32, 32},     BlockForm{"3b", 128, 128, 192, 32, 96, 64},
    BlockForm{"4a", 192, 96, 208, 16, 48, 64},    BlockForm{"4b", 160, 112, 224, 24, 64, 64},
    BlockForm{"4c", 128, 128, 256, 24, 64, 64},   BlockForm{"4d", 112, 144, 288, 32, 64, 64},
    BlockForm{"4e", 256, 160, 320, 32, 128, 128}, BlockForm{"5a", 256, 160, 320, 32, 128, 128},
    BlockForm{"5b", 384, 192, 384, 48, 128, 128},
};
constexpr std::size_t first_of_4 = 2, first_of_5 = 7;  // blocks that a halving precedes

/// Side of a map after a pooling of 2 or 3 with stride 2, rounded up; 0 where there is too little to pool.
std::int64_t pooled_side(std::int64_t side, std::int64_t kernel) { return side < kernel - 1 ? 0 : (side - kernel + 1) / 2 + 1; }

class GoogLeNet : public Network {
 public:
  explicit GoogLeNet(const BackboneOptions& options) : Network(options) {
    stem_ = layer("conv1", options.in_channels, 64, 7, 2);
    reduce_ = layer("conv2", 64, 64, 1);
    second_ = layer("conv3", 64, 192, 3);
    std::int64_t in = 192;
    for (const auto& form : forms) {
      const auto name = "inception" + std::string(form.name) + ".branch";
      blocks_.push_back({layer(name + "1", in, form.single, 1), layer(name + "2.0", in, form.triple_reduce, 1),
                         layer(name + "2.1", form.triple_reduce, form.triple, 3), layer(name + "3.0", in, form.wide_reduce, 1),
                         layer(name + "3.1", form.wide_reduce, form.wide, 3),  // 3x3 in torchvision; 5x5 in the paper
                         layer(name + "4.1", in, form.projection, 1)});
      in = form.single + form.triple + form.wide + form.projection;
    }
    channels_ = in;
  }

 protected:
  Features features(const torch::Tensor& images) const override {
    auto x = halved(rectified(stem_, laid_out(images)), 3);
    x = halved(rectified(second_, rectified(reduce_, x)), 3);
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      if (i == first_of_4) x = halved(x, 3);
      if (i == first_of_5) x = halved(x, 2);
      const auto& block = blocks_[i];
      x = torch::cat(
          {rectified(block.single, x), rectified(block.triple, rectified(block.triple_reduce, x)),
           rectified(block.wide, rectified(block.wide_reduce, x)), rectified(block.projection, torch::max_pool2d(x, 3, 1, 1))},
          1);
    }
    return {x};
  }
  std::int64_t channels() const override { return channels_; }
  std::int64_t map_side(std::int64_t image_side) const override {
    auto side = (image_side + 1) / 2;
    for (const std::int64_t kernel : {3, 3, 3, 2}) side = pooled_side(side, kernel);
    return side;
  }
  std::unique_ptr<Network> same_architecture() const override { return make_googlenet(options_); }

 private:
  struct Block {
    Layer single, triple_reduce, triple, wide_reduce, wide, projection;
  };

  Layer layer(const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1) {
    return {convolution(name + ".conv", in, out, kernel, stride), normalisation(name + ".bn", out, 1e-3)};
  }
  static torch::Tensor halved(const torch::Tensor& x, std::int64_t kernel) { return torch::max_pool2d(x, kernel, 2, 0, 1, true); }

  Layer stem_, reduce_, second_;
  std::vector<Block> blocks_;
  std::int64_t channels_ = 0;
};

}  // namespace

std::unique_ptr<Network> make_googlenet(const BackboneOptions& options) { return std::make_unique<GoogLeNet>(options); }

}  // namespace diva::inline v0_1::detail
