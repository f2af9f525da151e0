#include <fmt/format.h>

#include <cmath>

#include "../core/torch_version.hpp"
#include "network.hpp"

namespace diva::inline v0_1::detail {
namespace {

constexpr std::int64_t depth = 12, head_dim = 64;
constexpr double epsilon = 1e-6;

/// A vision transformer with its normalisation before each branch:
///
///   x ← x + λ₁ · attention(norm(x)),  x ← x + λ₂ · W₂ gelu(W₁ norm(x) + b₁) + b₂
///
/// with the class token first, then registers, then patches by rows.
class Transformer : public Network {
 public:
  Transformer(const TransformerForm& form, const BackboneOptions& options) : Network(options), form_(form) {
    const auto dim = form.dim, positions = form.grid * form.grid + (form.registers == 0 ? 1 : 0);
    class_token_ = parameter("cls_token", torch::zeros({1, 1, dim}));
    if (form.registers > 0) registers_ = parameter("reg_token", torch::zeros({1, form.registers, dim}));
    positions_ = parameter("pos_embed", torch::zeros({1, positions, dim}));
    // As a product of matrices: patches do not overlap.
    patch_weight_ = parameter("patch_embed.proj.weight", torch::zeros({dim, options.in_channels, form.patch, form.patch}));
    patch_bias_ = parameter("patch_embed.proj.bias", torch::zeros({dim}));
    for (std::int64_t i = 0; i < depth; ++i) {
      const auto name = fmt::format("blocks.{}.", i);
      blocks_.push_back({norm(name + "norm1"), linear(name + "attn.qkv", dim, 3 * dim), linear(name + "attn.proj", dim, dim),
                         scale(name + "ls1.gamma"), norm(name + "norm2"), linear(name + "mlp.fc1", dim, 4 * dim),
                         linear(name + "mlp.fc2", 4 * dim, dim), scale(name + "ls2.gamma")});
    }
    norm_ = norm("norm");
  }

 protected:
  Features features(const torch::Tensor& images) const override {
    const auto rows = images.size(2) / form_.patch, columns = images.size(3) / form_.patch;
    auto x = tokens(images, rows, columns);
    // Of the last block only what is pooled is computed.
    const bool class_only = options_.pooling == Pooling::usual || options_.pooling == Pooling::class_token;
    for (std::size_t i = 0; i < blocks_.size(); ++i) x = block(blocks_[i], x, class_only && i + 1 == blocks_.size());
    if (class_only) return {{}, normalised(norm_, x).select(1, 0)};
    const auto patches = normalised(norm_, x.slice(1, 1 + form_.registers));
    return {patches.transpose(1, 2).reshape({images.size(0), form_.dim, rows, columns})};
  }
  std::int64_t channels() const override { return form_.dim; }
  std::int64_t map_side(std::int64_t image_side) const override {
    return image_side % form_.patch == 0 ? image_side / form_.patch : 0;
  }
  std::string sides() const override { return fmt::format("a multiple of {}", form_.patch); }
  std::unique_ptr<Network> same_architecture() const override { return make_transformer(form_, options_); }
  double deviation(const NamedTensor& parameter) const override {
    if (parameter.name == "cls_token" || parameter.name == "reg_token") return 1e-6;
    return parameter.tensor.dim() > 1 ? 0.02 : 0;
  }

 private:
  struct Affine {
    torch::Tensor weight, bias;
    torch::Tensor operator()(const torch::Tensor& x) const { return torch::linear(x, weight, bias); }
  };
  struct Block {
    Affine norm1, qkv, projection;
    torch::Tensor scale1;  ///< undefined without LayerScale
    Affine norm2, expand, contract;
    torch::Tensor scale2;
  };

  Affine linear(const std::string& name, std::int64_t in, std::int64_t out) {
    return {parameter(name + ".weight", torch::zeros({out, in})), parameter(name + ".bias", torch::zeros({out}))};
  }
  Affine norm(const std::string& name) {
    return {parameter(name + ".weight", torch::ones({form_.dim})), parameter(name + ".bias", torch::zeros({form_.dim}))};
  }
  torch::Tensor scale(const std::string& name) {
    return form_.layer_scale > 0 ? parameter(name, torch::full({form_.dim}, form_.layer_scale)) : torch::Tensor();
  }
  torch::Tensor normalised(const Affine& norm, const torch::Tensor& x) const {
    return torch::layer_norm(x, {form_.dim}, norm.weight, norm.bias, epsilon);
  }

  /// Embedded patches with their positions, behind the class token and the registers.
  torch::Tensor tokens(const torch::Tensor& images, std::int64_t rows, std::int64_t columns) const {
    const auto batch = images.size(0), patch = form_.patch;
    const auto pixels = images.reshape({batch, options_.in_channels, rows, patch, columns, patch})
                            .permute({0, 2, 4, 1, 3, 5})
                            .reshape({batch, rows * columns, options_.in_channels * patch * patch});
    const auto patches = torch::linear(pixels, patch_weight_.flatten(1), patch_bias_);
    const auto positions = positions_for(rows, columns);
    if (registers_.defined()) {
      return torch::cat({class_token_.expand({batch, -1, -1}), registers_.expand({batch, -1, -1}), patches + positions}, 1);
    }
    return torch::cat({class_token_.expand({batch, -1, -1}), patches}, 1) + positions;
  }

  torch::Tensor positions_for(std::int64_t rows, std::int64_t columns) const {
    const auto grid = form_.grid;
    if (rows == grid && columns == grid) return positions_;
    const std::int64_t first = registers_.defined() ? 0 : 1;
    const auto narrow = positions_.element_size() < 4;
    auto map = positions_.slice(1, first).reshape({1, grid, grid, form_.dim}).permute({0, 3, 1, 2});
    if (narrow) map = map.to(torch::kFloat32);
    map = at::_upsample_bicubic2d_aa(map, {rows, columns}, false);
    const auto resampled = map.permute({0, 2, 3, 1}).reshape({1, rows * columns, form_.dim}).to(positions_.scalar_type());
    return first == 0 ? resampled : torch::cat({positions_.slice(1, 0, first), resampled}, 1);
  }

  /// One block's output, for the class token alone where `class_only`.
  torch::Tensor block(const Block& layers, const torch::Tensor& x, bool class_only) const {
    auto y = attention(layers, normalised(layers.norm1, x), class_only);
    if (layers.scale1.defined()) y = y * layers.scale1;
    const auto z = (class_only ? x.slice(1, 0, 1) : x) + y;
    y = layers.contract(torch::gelu(layers.expand(normalised(layers.norm2, z))));
    if (layers.scale2.defined()) y = y * layers.scale2;
    return z + y;
  }

  torch::Tensor attention(const Block& layers, const torch::Tensor& x, bool class_only) const {
    const auto batch = x.size(0), count = x.size(1), dim = form_.dim, heads = dim / head_dim;
    // [B, N, n·dim] -> n tensors [B, heads, N, head_dim]
    const auto split = [&](const torch::Tensor& y, std::int64_t n) {
      return y.view({batch, y.size(1), n, heads, head_dim}).permute({2, 0, 3, 1, 4}).unbind(0);
    };
    torch::Tensor query, key, value;
    if (class_only) {
      const auto& [weight, bias] = layers.qkv;
      query = split(torch::linear(x.slice(1, 0, 1), weight.slice(0, 0, dim), bias.slice(0, 0, dim)), 1)[0];
      const auto both = split(torch::linear(x, weight.slice(0, dim), bias.slice(0, dim)), 2);
      key = both[0];
      value = both[1];
    } else {
      const auto all = split(layers.qkv(x), 3);
      query = all[0];
      key = all[1];
      value = all[2];
    }
    const auto mixed = scaled_dot_product_attention(query, key, value, 1 / std::sqrt(static_cast<double>(head_dim)));
    return layers.projection(mixed.transpose(1, 2).reshape({batch, class_only ? 1 : count, dim}));
  }

  TransformerForm form_;
  torch::Tensor class_token_, registers_, positions_, patch_weight_, patch_bias_;
  std::vector<Block> blocks_;
  Affine norm_;
};

}  // namespace

std::unique_ptr<Network> make_transformer(const TransformerForm& form, const BackboneOptions& options) {
  return std::make_unique<Transformer>(form, options);
}

}  // namespace diva::inline v0_1::detail
