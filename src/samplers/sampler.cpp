#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/samplers/sampler.hpp>

#include <mutex>

namespace diva::inline v0_1 {

std::vector<std::int64_t> Sampler::batch(std::int64_t epoch, std::int64_t index) const {
  if (epoch < 0) detail::fail<OptionError>("Sampler::batch", "epoch", "at least 0", std::to_string(epoch));
  if (index < 0 || index >= batches_per_epoch_)
    detail::fail<OptionError>("Sampler::batch", "index", fmt::format("in [0, {})", batches_per_epoch_), std::to_string(index));
  return make_batch(epoch, index);
}

struct PlannedSampler::Plan {
  std::mutex mutex;
  std::int64_t epoch = -1;
  std::vector<std::int64_t> indices;
};

PlannedSampler::PlannedSampler() : plan_(std::make_shared<Plan>()) {}

std::vector<std::int64_t> PlannedSampler::make_batch(std::int64_t epoch, std::int64_t index) const {
  const std::scoped_lock lock(plan_->mutex);
  if (plan_->epoch != epoch) {
    plan_->indices = plan(epoch);
    plan_->epoch = epoch;
  }
  const auto first = plan_->indices.begin() + index * batch_size_;
  return {first, first + batch_size_};
}

}  // namespace diva::inline v0_1
