#include <optional>

#include "network.hpp"

namespace diva::inline v0_1::detail {
namespace {

/// Channels of one block's branches: 1x1; 1x1 and 3x3; 1x1, 3x3 and 3x3; pooling and 1x1. A block without the first and the last
/// halves its map.
struct BlockForm {
  const char* name;
  std::int64_t single, triple_reduce, triple, double_reduce, double_triple, projection;
  bool max_pooling;  ///< in the last branch; else the average

  [[nodiscard]] bool halves() const { return single == 0; }
};

constexpr std::array forms{
    BlockForm{"3a", 64, 64, 64, 64, 96, 32, false},       BlockForm{"3b", 64, 64, 96, 64, 96, 64, false},
    BlockForm{"3c", 0, 128, 160, 64, 96, 0, true},        BlockForm{"4a", 224, 64, 96, 96, 128, 128, false},
    BlockForm{"4b", 192, 96, 128, 96, 128, 128, false},   BlockForm{"4c", 160, 128, 160, 128, 160, 128, false},
    BlockForm{"4d", 96, 128, 192, 160, 192, 128, false},  BlockForm{"4e", 0, 128, 192, 192, 256, 0, true},
    BlockForm{"5a", 352, 192, 320, 160, 224, 128, false}, BlockForm{"5b", 352, 192, 320, 192, 224, 128, true},
};

/// Side of a map after the pooling of the stem: 3 wide, stride 2, rounded up, which needs two values at least.
std::int64_t pooled_side(std::int64_t side) { return side < 2 ? 0 : (side - 2) / 2 + 1; }

class BnInception : public Network {
 public:
  explicit BnInception(const BackboneOptions& options) : Network(options) {
    stem_ = layer("conv1_7x7_s2", options.in_channels, 64, 7, 2);
    reduce_ = layer("conv2_3x3_reduce", 64, 64, 1);
    second_ = layer("conv2_3x3", 64, 192, 3);
    std::int64_t in = 192;
    for (const auto& form : forms) {
      const auto name = "inception_" + std::string(form.name) + "_";
      const std::int64_t stride = form.halves() ? 2 : 1;
      Block block;
      if (!form.halves()) block.single = layer(name + "1x1", in, form.single, 1);
      block.triple = {layer(name + "3x3_reduce", in, form.triple_reduce, 1),
                      layer(name + "3x3", form.triple_reduce, form.triple, 3, stride)};
      block.twice = {layer(name + "double_3x3_reduce", in, form.double_reduce, 1),
                     layer(name + "double_3x3_1", form.double_reduce, form.double_triple, 3),
                     layer(name + "double_3x3_2", form.double_triple, form.double_triple, 3, stride)};
      if (!form.halves()) block.projection = layer(name + "pool_proj", in, form.projection, 1);
      block.max_pooling = form.max_pooling;
      blocks_.push_back(std::move(block));
      in = form.single + form.triple + form.double_triple + (form.halves() ? in : form.projection);
    }
    channels_ = in;
  }

 protected:
  Features features(const torch::Tensor& images) const override {
    auto x = torch::max_pool2d(rectified(stem_, laid_out(images)), 3, 2, 0, 1, true);
    x = torch::max_pool2d(rectified(second_, rectified(reduce_, x)), 3, 2, 0, 1, true);
    for (const auto& block : blocks_) {
      std::vector<torch::Tensor> branches;
      if (block.single) branches.push_back(rectified(*block.single, x));
      branches.push_back(chain(block.triple, x));
      branches.push_back(chain(block.twice, x));
      branches.push_back(block.projection ? rectified(*block.projection, same_size_pool(block, x)) : halved(x));
      x = torch::cat(branches, 1);
    }
    return {x};
  }
  std::int64_t channels() const override { return channels_; }
  std::int64_t map_side(std::int64_t image_side) const override {
    const auto side = pooled_side(pooled_side((image_side + 1) / 2));
    return ((side + 1) / 2 + 1) / 2;
  }
  std::unique_ptr<Network> same_architecture() const override { return make_bninception(options_); }

 private:
  struct Block {
    std::optional<Layer> single;
    std::vector<Layer> triple, twice;
    std::optional<Layer> projection;
    bool max_pooling = false;
  };

  Layer layer(const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1) {
    return {convolution(name, in, out, kernel, stride, true), normalisation(name + "_bn", out)};
  }
  torch::Tensor chain(const std::vector<Layer>& layers, torch::Tensor x) const {
    for (const auto& layer : layers) x = rectified(layer, x);
    return x;
  }
  static torch::Tensor same_size_pool(const Block& block, const torch::Tensor& x) {
    return block.max_pooling ? torch::max_pool2d(x, 3, 1, 1) : torch::avg_pool2d(x, 3, 1, 1);
  }
  /// Rounded up as the reference's pooling for even sides; for odd ones padded to the side that the convolutions beside it have.
  static torch::Tensor halved(const torch::Tensor& x) {
    return torch::max_pool2d(x, 3, 2, {x.size(2) % 2, x.size(3) % 2}, 1, true);
  }

  Layer stem_, reduce_, second_;
  std::vector<Block> blocks_;
  std::int64_t channels_ = 0;
};

}  // namespace

std::unique_ptr<Network> make_bninception(const BackboneOptions& options) { return std::make_unique<BnInception>(options); }

}  // namespace diva::inline v0_1::detail
