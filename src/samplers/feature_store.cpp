#include <diva/core/checks.hpp>
#include <diva/samplers/feature_store.hpp>

#include <torch/utils.h>

#include <algorithm>
#include <utility>

namespace diva::inline v0_1 {
namespace {

torch::Tensor stored_form(const torch::Tensor& features) { return features.detach().to(torch::kCPU, torch::kFloat32).contiguous(); }

// A store's tensor is changed in place, and a state's may be a mapped file.
torch::Tensor own_copy(const torch::Tensor& features) { return stored_form(features).clone(); }

}  // namespace

FeatureStore::FeatureStore(std::int64_t samples, FeatureStoreOptions options) : samples_(samples), options_(options) {
  validate_fields("FeatureStore", options_);
  if (samples < 1) detail::fail<OptionError>("FeatureStore", "samples", "at least 1", std::to_string(samples));
}

void FeatureStore::refresh(const torch::Tensor& features) {
  detail::check_embeddings("FeatureStore::refresh", features, "features");
  detail::check_shape("FeatureStore::refresh", "features", features,
                      {samples_, features_.defined() ? features_.size(1) : features.size(1)});
  detail::check_finite("FeatureStore::refresh", "features", features);
  torch::NoGradGuard no_grad;
  auto fresh = own_copy(features);
  if (options_.momentum > 0) {
    if (features_.defined()) {
      velocity_.mul_(options_.momentum).add_(fresh - features_, 1 - options_.momentum);
      fresh.add_(velocity_, options_.learning_rate);
    } else {
      velocity_ = torch::zeros_like(fresh);
    }
  }
  features_ = std::move(fresh);
}

void FeatureStore::update(const torch::Tensor& indices, const torch::Tensor& features) {
  constexpr auto name = "FeatureStore::update";
  if (!filled()) detail::fail<DataError>(name, "the store", "filled by refresh before", "empty");
  detail::check_embeddings(name, features, "features");
  detail::check_shape(name, "features", features, {features.size(0), features_.size(1)});
  const auto rows = indices.defined() ? indices.to(torch::kCPU).contiguous() : indices;
  detail::check_indices(name, "indices", rows, samples_);
  detail::check_shape(name, "indices", rows, {features.size(0)});
  detail::check_finite(name, "features", features);
  const auto values = stored_form(features);
  const auto dim = features_.size(1);
  const auto* index = rows.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < rows.size(0); ++i)
    std::copy_n(values.data_ptr<float>() + i * dim, dim, features_.data_ptr<float>() + index[i] * dim);
}

State FeatureStore::state() const {
  State state;
  if (features_.defined()) state.put("features", features_);
  if (velocity_.defined()) state.put("velocity", velocity_);
  return state;
}

void FeatureStore::restore(const State& state) {
  torch::Tensor features, velocity;
  if (state.tensors.count("features") == 1) {
    features = own_copy(state.tensor("features"));
    const bool fits = features.dim() == 2 && features.size(0) == samples_ && features.size(1) >= 1;
    if (!fits) {
      detail::fail<DataError>("FeatureStore::restore", "features", "[" + std::to_string(samples_) + ", D]",
                              detail::describe(features));
    }
    if (options_.momentum > 0) {
      velocity = own_copy(state.tensor("velocity"));
      if (velocity.sizes() != features.sizes())
        detail::fail<DataError>("FeatureStore::restore", "velocity", detail::describe(features), detail::describe(velocity));
    }
  }
  features_ = std::move(features);
  velocity_ = std::move(velocity);
}

}  // namespace diva::inline v0_1
