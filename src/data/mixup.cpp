#include <fmt/format.h>
#include <fmt/ranges.h>
#include <diva/core/error.hpp>
#include <diva/data/mixup.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

namespace diva::inline v0_1 {
namespace {

// Gamma(shape, 1). Below a shape of 1 that of shape + 1 is scaled by u^(1 / shape); as a logarithm, since for small shapes the
// value itself underflows.
double log_gamma_variate(double shape, Generator& generator) {
  if (shape < 1) {
    const double grown = log_gamma_variate(shape + 1, generator);
    return grown + std::log1p(-generator.uniform()) / shape;
  }
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = generator.normal(), root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    if (std::log1p(-generator.uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return std::log(d * v);
  }
}

torch::Tensor index_tensor(const std::vector<std::int64_t>& indices, const torch::Device& device) {
  return torch::tensor(indices, torch::kInt64).to(device);
}

// One weight a row, against the other dimensions.
torch::Tensor column(const torch::Tensor& weights, const torch::Tensor& like) {
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(like.dim()), 1);
  sizes.front() = weights.size(0);
  return weights.to(like.options()).view(sizes);
}

torch::Tensor mix(const torch::Tensor& own, const torch::Tensor& other, const torch::Tensor& weights) {
  const auto weight = column(weights, own);
  return weight * own + (1 - weight) * other;
}

}  // namespace

double beta_variate(double a, double b, Generator& generator) {
  if (!(a > 0) || !(b > 0)) detail::fail<OptionError>("beta_variate", "a and b", "positive", fmt::format("{} and {}", a, b));
  const double x = log_gamma_variate(a, generator), y = log_gamma_variate(b, generator);
  return 1 / (1 + std::exp(y - x));
}

MixedBatch manifold_mixup(const torch::Tensor& features, double alpha, Generator& generator) {
  if (features.dim() < 1 || !features.is_floating_point()) {
    detail::fail<ShapeError>("manifold_mixup", "features", "[batch, ...] floating",
                             fmt::format("[{}] {}", fmt::join(features.sizes(), ", "), toString(features.scalar_type())));
  }
  if (!(alpha >= 0)) detail::fail<OptionError>("manifold_mixup", "alpha", "at least 0", fmt::format("{}", alpha));
  const auto count = features.size(0);
  MixedBatch mixed;
  mixed.partners = generator.permutation(count).to(features.device());
  mixed.weights = torch::ones(count, torch::kFloat64);
  if (alpha == 0) {
    mixed.features = features;
    return mixed;
  }
  for (std::int64_t i = 0; i < count; ++i) mixed.weights.data_ptr<double>()[i] = beta_variate(alpha, alpha, generator);
  mixed.features = mix(features, features.index_select(0, mixed.partners), mixed.weights);
  return mixed;
}

VirtualBatch similarity_mixup(const torch::Tensor& embeddings, const torch::Tensor& labels, std::int64_t pairs,
                              Generator& generator) {
  if (embeddings.dim() != 2 || !embeddings.is_floating_point() || labels.dim() != 1 || labels.size(0) != embeddings.size(0) ||
      labels.scalar_type() != torch::kInt64) {
    detail::fail<ShapeError>(
        "similarity_mixup", "embeddings and labels", "[batch, dim] floating and [batch] int64",
        fmt::format("[{}] {} and [{}] {}", fmt::join(embeddings.sizes(), ", "), toString(embeddings.scalar_type()),
                    fmt::join(labels.sizes(), ", "), toString(labels.scalar_type())));
  }
  if (pairs < 1) detail::fail<OptionError>("similarity_mixup", "pairs", "at least 1", std::to_string(pairs));
  const auto on_cpu = labels.to(torch::kCPU).contiguous();
  const auto* label = on_cpu.data_ptr<std::int64_t>();
  std::map<std::int64_t, std::vector<std::int64_t>> members;
  for (std::int64_t i = 0; i < on_cpu.size(0); ++i) members[label[i]].push_back(i);
  std::vector<std::int64_t> first, second;
  std::vector<double> weights;
  for (std::int64_t i = 0; i < on_cpu.size(0); ++i) {
    const auto& same = members.at(label[i]);
    const auto others = static_cast<std::int64_t>(same.size()) - 1;
    for (std::int64_t pair = 0; pair < pairs && others > 0; ++pair) {
      // The places of the others: those behind its own move up by one.
      const auto own = std::lower_bound(same.begin(), same.end(), i) - same.begin();
      auto place = generator.below(others);
      if (place >= own) ++place;
      first.push_back(i);
      second.push_back(same[static_cast<std::size_t>(place)]);
      weights.push_back(generator.uniform());
    }
  }
  const auto one = index_tensor(first, embeddings.device()), two = index_tensor(second, embeddings.device());
  return {mix(embeddings.index_select(0, one), embeddings.index_select(0, two), torch::tensor(weights, torch::kFloat64)),
          labels.index_select(0, one.to(labels.device()))};
}

}  // namespace diva::inline v0_1
