#include "one_thread.hpp"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/utils.h>
#include <diva/core/checks.hpp>
#include <diva/samplers/feature_sampler.hpp>

#include <algorithm>
#include <utility>

namespace diva::inline v0_1 {

FeatureSampler::FeatureSampler(std::int64_t samples, const FeatureStoreOptions& options, Generator generator)
    : store_(samples, options), generator_(generator) {}

bool FeatureSampler::needs_features(std::int64_t epoch) const {
  return epoch != planned_epoch_ && (!store_.filled() || store_.options().refresh);
}

void FeatureSampler::refresh(const torch::Tensor& features) { store_.refresh(features); }

void FeatureSampler::update(const torch::Tensor& indices, const torch::Tensor& features) {
  if (takes_updates()) store_.update(indices, features);
}

void FeatureSampler::start_epoch(std::int64_t epoch) {
  if (epoch < 0) detail::fail<OptionError>("FeatureSampler::start_epoch", "epoch", "at least 0", std::to_string(epoch));
  if (epoch == planned_epoch_) return;
  if (!store_.filled()) detail::fail<DataError>("FeatureSampler::start_epoch", "the store", "filled by refresh before", "empty");
  plan_ = plan(store_.features(), generator_.fork(static_cast<std::uint64_t>(epoch)));
  planned_epoch_ = epoch;
}

std::vector<std::int64_t> FeatureSampler::plan_batches(Generator generator,
                                                       const std::function<std::vector<std::int64_t>(Generator&)>& choose,
                                                       bool parallel) const {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(batches_per_epoch() * batch_size()));
  const auto make = [&](std::int64_t begin, std::int64_t end) {
    torch::NoGradGuard no_grad;
    for (auto i = begin; i < end; ++i) {
      auto own = generator.fork(static_cast<std::uint64_t>(i));
      const auto batch = choose(own);
      std::copy(batch.begin(), batch.end(), indices.begin() + i * batch_size());
    }
  };
  if (parallel) {
    at::parallel_for(0, batches_per_epoch(), 1, make);
  } else {
    detail::on_one_thread([&] { make(0, batches_per_epoch()); });
  }
  return indices;
}

std::vector<std::int64_t> FeatureSampler::make_batch(std::int64_t epoch, std::int64_t index) const {
  if (epoch != planned_epoch_) {
    detail::fail<OptionError>("FeatureSampler::batch", "epoch", fmt::format("{}, which was started last", planned_epoch_),
                              std::to_string(epoch));
  }
  const auto first = plan_.begin() + index * batch_size();
  return {first, first + batch_size()};
}

State FeatureSampler::state() const {
  State state;
  state.put("store", store_.state());
  state.put("epoch", planned_epoch_);
  if (planned_epoch_ >= 0) state.put("plan", torch::tensor(plan_, torch::kInt64).view({batches_per_epoch(), batch_size()}));
  return state;
}

void FeatureSampler::restore(const State& state) {
  const auto epoch = state.integer("epoch");
  std::vector<std::int64_t> indices;
  if (epoch >= 0) {
    const auto plan = state.tensor("plan").contiguous();
    detail::check_shape("FeatureSampler::restore", "plan", plan, {batches_per_epoch(), batch_size()});
    detail::check_indices("FeatureSampler::restore", "plan", plan.flatten(), store_.samples());
    indices.assign(plan.data_ptr<std::int64_t>(), plan.data_ptr<std::int64_t>() + plan.numel());
  }
  store_.restore(state.child("store"));
  plan_ = std::move(indices);
  planned_epoch_ = epoch;
}

}  // namespace diva::inline v0_1
