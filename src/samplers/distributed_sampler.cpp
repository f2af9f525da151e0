#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/samplers/distributed_sampler.hpp>

#include <algorithm>
#include <utility>

namespace diva::inline v0_1 {

std::vector<std::int64_t> rank_share(const std::vector<std::int64_t>& batch, std::int64_t rank, std::int64_t world_size) {
  if (rank < 0 || rank >= world_size)
    detail::fail<OptionError>("rank_share", "rank", fmt::format("in [0, world_size = {})", world_size), std::to_string(rank));
  const auto length = std::ssize(batch) / world_size, longer = std::ssize(batch) % world_size;
  const auto first = batch.begin() + rank * length + std::min(rank, longer);
  return {first, first + length + (rank < longer ? 1 : 0)};
}

DistributedSampler::DistributedSampler(std::unique_ptr<Sampler> sampler, std::int64_t rank, std::int64_t world_size)
    : sampler_(std::move(sampler)), rank_(rank), world_size_(world_size) {
  if (!sampler_) detail::fail<OptionError>("DistributedSampler", "sampler", "one", "nothing");
  if (rank < 0 || rank >= world_size || world_size > sampler_->batch_size()) {
    detail::fail<OptionError>("DistributedSampler", "rank and world_size",
                              fmt::format("0 <= rank < world_size <= batch size = {}", sampler_->batch_size()),
                              fmt::format("{} and {}", rank, world_size));
  }
  batch_size_ = sampler_->batch_size() / world_size + (rank < sampler_->batch_size() % world_size ? 1 : 0);
  batches_per_epoch_ = sampler_->batches_per_epoch();
  excluded_classes_ = sampler_->excluded_classes();
  exclusion_ = sampler_->exclusion();
}

std::vector<std::int64_t> DistributedSampler::make_batch(std::int64_t epoch, std::int64_t index) const {
  return rank_share(sampler_->batch(epoch, index), rank_, world_size_);
}

}  // namespace diva::inline v0_1
