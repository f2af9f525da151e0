#include "network.hpp"

#include <fmt/format.h>
#include <torch/utils.h>
#include <diva/core/checks.hpp>

#include <cmath>

namespace diva::detail {
namespace {

/// The two values that every network here takes for batch normalisation.
constexpr double momentum = 0.1, epsilon = 1e-5;

}  // namespace

torch::Tensor Network::forward(const torch::Tensor& images) {
  const auto& weight = parameters_.front().tensor;
  const bool flatten = options_.pooling == Pooling::flatten;
  const auto fits_side = [&](std::int64_t side) { return map_side(side) > 0 && (!flatten || side == options_.image_size); };
  if (!images.defined() || images.dim() != 4 || images.size(0) == 0 || images.size(1) != options_.in_channels ||
      !fits_side(images.size(2)) || !fits_side(images.size(3)) || images.scalar_type() != weight.scalar_type() ||
      images.device() != weight.device()) {
    std::int64_t smallest = 1;
    while (map_side(smallest) == 0) ++smallest;
    const auto side = flatten ? fmt::format("{}", options_.image_size) : fmt::format("at least {}", smallest);
    fail<ShapeError>("Backbone::forward", "images",
                     fmt::format("[batch, {}, height, width], {} pixels a side, of the type and on the device of the weights, {}",
                                 options_.in_channels, side, describe(weight)),
                     describe(images));
  }
  const auto map = features(images);
  switch (options_.pooling) {
    case Pooling::average:
      return map.mean({2, 3});
    case Pooling::max:
      return map.amax({2, 3});
    case Pooling::average_plus_max:
      return map.mean({2, 3}) + map.amax({2, 3});
    case Pooling::flatten:
      break;
  }
  return map.flatten(1);
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

void Network::initialise(Generator& generator) {
  torch::NoGradGuard no_grad;
  for (auto& [name, tensor] : parameters_) {
    if (tensor.dim() != 4) continue;  // batch normalisation starts as it was made
    const auto fan_out = static_cast<double>(tensor.size(0) * tensor.size(2) * tensor.size(3));
    torch::Tensor(tensor).copy_(
        generator.normal(tensor.sizes(), tensor.options().requires_grad(false)).mul_(std::sqrt(2 / fan_out)));
  }
}

Network::Convolution Network::convolution(const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel,
                                          std::int64_t stride) {
  return {add(parameters_, name + ".weight", torch::zeros({out, in, kernel, kernel})), stride, kernel / 2};
}

Network::Normalisation Network::normalisation(const std::string& name, std::int64_t channels) {
  auto& scales = options_.batch_norm == BatchNorm::frozen ? buffers_ : parameters_;
  return {add(scales, name + ".weight", torch::ones({channels})), add(scales, name + ".bias", torch::zeros({channels})),
          add(buffers_, name + ".running_mean", torch::zeros({channels})),
          add(buffers_, name + ".running_var", torch::ones({channels}))};
}

torch::Tensor Network::normalise(const Normalisation& layer, const torch::Tensor& x) const {
  const bool by_batch = training_ && options_.batch_norm == BatchNorm::trainable;
  if (by_batch && x.numel() == x.size(1)) {  // its variance would be 0 and the unbiased one, which the buffer takes, NaN
    fail<ShapeError>("Backbone::forward", "images", "more than one value a channel to normalise: a larger batch or larger images",
                     "a feature map " + describe(x));
  }
  return torch::batch_norm(x, layer.weight, layer.bias, layer.mean, layer.variance, by_batch, momentum, epsilon, true);
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

}  // namespace diva::detail
