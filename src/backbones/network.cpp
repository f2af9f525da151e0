#include "network.hpp"

#include <fmt/format.h>
#include <torch/utils.h>
#include <diva/core/checks.hpp>

#include <cmath>

namespace diva::inline v0_1::detail {
namespace {

/// Of the running statistics, in every network here.
constexpr double momentum = 0.1;

}  // namespace

Network::Network(const BackboneOptions& options, bool channels_last) : options_(options), channels_last_(channels_last) {
  if (options.pooling == Pooling::gem) gem_power_ = parameter("pool.p", torch::full({1}, options.gem_power));
}

torch::Tensor Network::forward(const torch::Tensor& images) {
  check(images);
  return pooled(features(images));
}

void Network::check(const torch::Tensor& images) const {
  const auto& weight = parameters_.back().tensor;
  const bool flatten = options_.pooling == Pooling::flatten;
  const auto fits_side = [&](std::int64_t side) { return map_side(side) > 0 && (!flatten || side == options_.image_size); };
  if (!images.defined() || images.dim() != 4 || images.size(0) == 0 || images.size(1) != options_.in_channels ||
      !fits_side(images.size(2)) || !fits_side(images.size(3)) || images.scalar_type() != weight.scalar_type() ||
      images.device() != weight.device()) {
    fail<ShapeError>(
        "Backbone::forward", "images",
        fmt::format("[batch, {}, height, width], {} pixels a side, of the type and on the device of the weights, {}",
                    options_.in_channels, flatten ? fmt::format("{}", options_.image_size) : sides(), describe(weight)),
        describe(images));
  }
}

std::string Network::sides() const {
  std::int64_t smallest = 1;
  while (map_side(smallest) == 0) ++smallest;
  return fmt::format("at least {}", smallest);
}

torch::Tensor pool(Pooling pooling, const torch::Tensor& map) {
  switch (pooling) {
    case Pooling::max:
      return map.amax({2, 3});
    case Pooling::average_plus_max:
      return map.mean({2, 3}) + map.amax({2, 3});
    case Pooling::flatten:
      return map.flatten(1);
    default:
      return map.mean({2, 3});
  }
}

torch::Tensor Network::pooled(const Features& features) const {
  if (features.class_token.defined()) return features.class_token;
  const auto& map = features.map;
  if (!gem_power_.defined()) return pool(options_.pooling, map);
  // Powers of half precision overflow soon: 65504 is the third power of 40.
  const bool narrow = map.element_size() < 4;
  const auto x = narrow ? map.to(torch::kFloat32) : map;
  const auto power = narrow ? gem_power_.to(torch::kFloat32) : gem_power_;
  return x.clamp_min(1e-6).pow(power).mean({2, 3}).pow(power.reciprocal()).to(map.scalar_type());
}

std::int64_t Network::feature_dim() const {
  const auto side = options_.pooling == Pooling::flatten ? map_side(options_.image_size) : 1;
  return channels() * side * side;
}

std::unique_ptr<Backbone> Network::clone() const {
  auto copy = same_architecture();
  const auto from = all(), to = copy->all();
  for (std::size_t i = 0; i < from.size(); ++i) {
    torch::Tensor target = to[i].tensor;
    target.set_data(from[i].tensor.detach().clone());
    target.set_requires_grad(from[i].tensor.requires_grad());
  }
  copy->training_ = training_;
  return copy;
}

double Network::deviation(const NamedTensor& parameter) const {
  const auto& tensor = parameter.tensor;
  if (tensor.dim() != 4) return 0;
  return std::sqrt(2 / static_cast<double>(tensor.size(0) * tensor.size(2) * tensor.size(3)));
}

void Network::initialise(Generator& generator) {
  torch::NoGradGuard no_grad;
  for (auto& parameter : parameters_) {
    const auto size = deviation(parameter);
    if (size == 0) continue;
    const auto& tensor = parameter.tensor;
    torch::Tensor(tensor).copy_(generator.normal(tensor.sizes(), tensor.options().requires_grad(false)).mul_(size));
  }
}

torch::Tensor Network::laid_out(const torch::Tensor& images) {
  // Channels-last is as fast or faster on a CPU (docs/performance.md), and what the tensor cores of GPUs take as it is.
  return images.contiguous(at::MemoryFormat::ChannelsLast);
}

Network::Convolution Network::convolution(const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel,
                                          std::int64_t stride, bool bias) {
  const auto layout = channels_last_ ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
  const auto weight = torch::zeros({out, in, kernel, kernel}).contiguous(layout);
  return {parameter(name + ".weight", weight), bias ? parameter(name + ".bias", torch::zeros({out})) : torch::Tensor(), stride,
          kernel / 2};
}

Network::Normalisation Network::normalisation(const std::string& name, std::int64_t channels, double epsilon) {
  auto& scales = options_.batch_norm == BatchNorm::frozen ? buffers_ : parameters_;
  return {add(scales, name + ".weight", torch::ones({channels})), add(scales, name + ".bias", torch::zeros({channels})),
          add(buffers_, name + ".running_mean", torch::zeros({channels})),
          add(buffers_, name + ".running_var", torch::ones({channels})), epsilon};
}

torch::Tensor Network::apply(const Layer& layer, const torch::Tensor& x) const {
  const auto& [convolution, normalisation] = layer;
  const bool by_batch = training_ && options_.batch_norm == BatchNorm::trainable;
  // Making the joint weights costs a pass over them, normalising one over the result.
  const auto area = x.size(0) * x.size(2) * x.size(3) / (convolution.stride * convolution.stride);
  if (by_batch || at::GradMode::is_enabled() || area < convolution.weight[0].numel())
    return normalise(normalisation, convolution(x));

  // γ(w∗x + b − m)/√(v + ε) + β = (sw)∗x + s(b − m) + β with s = γ/√(v + ε), in float where the weights are narrower.
  const auto type = convolution.weight.scalar_type();
  const auto wide = convolution.weight.element_size() < 4 ? torch::kFloat32 : type;
  const auto scale = normalisation.weight.to(wide) / (normalisation.variance.to(wide) + normalisation.epsilon).sqrt();
  auto shift = -normalisation.mean.to(wide);
  if (convolution.bias.defined()) shift = shift + convolution.bias.to(wide);
  shift = shift * scale + normalisation.bias.to(wide);
  const auto weight = convolution.weight.to(wide) * scale.view({-1, 1, 1, 1});
  return torch::conv2d(x, weight.to(type), shift.to(type), convolution.stride, convolution.padding);
}

torch::Tensor Network::normalise(const Normalisation& layer, const torch::Tensor& x) const {
  const bool by_batch = training_ && options_.batch_norm == BatchNorm::trainable;
  if (by_batch && x.numel() == x.size(1)) {  // its variance would be 0 and the unbiased one, which the buffer takes, NaN
    fail<ShapeError>("Backbone::forward", "images", "more than one value a channel to normalise: a larger batch or larger images",
                     "a feature map " + describe(x));
  }
  return torch::batch_norm(x, layer.weight, layer.bias, layer.mean, layer.variance, by_batch, momentum, layer.epsilon, true);
}

torch::Tensor Network::add(std::vector<NamedTensor>& list, const std::string& name, torch::Tensor tensor) {
  tensor.set_requires_grad(&list == &parameters_);
  list.push_back({name, tensor});
  return tensor;
}

std::vector<NamedTensor> Network::all() const {
  auto result = parameters_;
  result.insert(result.end(), buffers_.begin(), buffers_.end());
  return result;
}

void check_program_images(const BackboneOptions& options, const torch::Tensor& images) {
  if (!images.defined() || images.dim() != 4 || images.numel() == 0 || images.size(1) != options.in_channels ||
      !images.is_floating_point()) {
    fail<ShapeError>("Backbone::forward", "images",
                     fmt::format("[batch, {}, height, width] of floating point", options.in_channels), describe(images));
  }
}

torch::Tensor program_features(const BackboneOptions& options, const torch::Tensor& output, std::int64_t batch) {
  if (!output.defined() || (output.dim() != 2 && output.dim() != 4) || output.size(0) != batch || !output.is_floating_point()) {
    fail<DataError>("Backbone::forward", fmt::format("the output of '{}'", options.file),
                    fmt::format("[{}, dim] or [{}, dim, height, width] of floating point", batch, batch), describe(output));
  }
  return output.dim() == 2 ? output : pool(options.pooling, output);
}

}  // namespace diva::inline v0_1::detail
