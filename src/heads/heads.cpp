#include <diva/core/checks.hpp>
#include <diva/core/normalize.hpp>
#include <diva/core/options.hpp>
#include <diva/heads/heads.hpp>

#include <algorithm>
#include <cmath>
#include <set>

namespace diva::inline v0_1 {

Heads::Heads(std::vector<std::string> names, std::int64_t feature_dim, std::int64_t embed_dim, Generator& initialisation)
    : names_(std::move(names)), embed_dim_(embed_dim) {
  if (names_.empty()) detail::fail<OptionError>("Heads", "names", "at least one name", "none");
  if (std::set<std::string>(names_.begin(), names_.end()).size() != names_.size()) {
    detail::fail<OptionError>("Heads", "names", "different from each other", "a name twice");
  }
  if (feature_dim < 1 || embed_dim < 1) {
    detail::fail<OptionError>("Heads", "feature_dim and embed_dim", "at least 1",
                              std::to_string(feature_dim) + " and " + std::to_string(embed_dim));
  }
  const double reach = 1 / std::sqrt(static_cast<double>(feature_dim));
  const auto draw = [&](torch::IntArrayRef sizes) { return (initialisation.uniform(sizes) * 2 - 1).mul_(reach).requires_grad_(); };
  for (std::size_t i = 0; i < names_.size(); ++i) {
    weights_.push_back(draw({embed_dim, feature_dim}));
    biases_.push_back(draw({embed_dim}));
  }
}

torch::Tensor Heads::project(const torch::Tensor& features, std::size_t head) const {
  const auto& weight = weights_[head];
  if (!features.defined() || features.dim() != 2 || features.size(1) != weight.size(1)) {
    detail::fail<ShapeError>("Heads::forward", "features", "[batch, " + std::to_string(weight.size(1)) + "]",
                             detail::describe(features));
  }
  return l2_normalize(torch::linear(features, weight, biases_[head]));
}

Embeddings Heads::forward(const torch::Tensor& features) const {
  Embeddings result;
  for (std::size_t i = 0; i < names_.size(); ++i) result.emplace(names_[i], project(features, i));
  return result;
}

torch::Tensor Heads::forward(const torch::Tensor& features, const std::string& name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) detail::fail_unknown("Heads::forward", "name", name, names_);
  return project(features, static_cast<std::size_t>(found - names_.begin()));
}

std::vector<NamedTensor> Heads::named_parameters() const {
  std::vector<NamedTensor> result;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    result.push_back({names_[i] + ".weight", weights_[i]});
    result.push_back({names_[i] + ".bias", biases_[i]});
  }
  return result;
}

Heads Heads::clone() const {
  Heads copy = *this;
  for (auto* tensors : {&copy.weights_, &copy.biases_}) {
    for (auto& tensor : *tensors) tensor = tensor.detach().clone().requires_grad_(tensor.requires_grad());
  }
  return copy;
}

}  // namespace diva::inline v0_1
