#include "classes.hpp"
#include "deck.hpp"
#include "features.hpp"

#include <fmt/format.h>
#include <diva/core/checks.hpp>
#include <diva/samplers/coreset_sampler.hpp>

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace diva::inline v0_1 {

CoresetSampler::CoresetSampler(const std::vector<std::int64_t>& labels, CoresetSamplerOptions options, Generator generator)
    : FeatureSampler(std::max<std::int64_t>(std::ssize(labels), 1), options.store, generator), options_(options) {
  constexpr auto name = "CoresetSampler";
  validate_fields(name, options_);
  const bool full = options_.coreset == Coreset::full_greedy;
  const auto per_class = full ? 1 : options_.samples_per_class;
  const auto groups = detail::divide_batch(name, options_.batch_size, per_class, fmt::format("samples_per_class = {}", per_class));
  const auto least_pool = full ? options_.batch_size - 1 : groups;
  if (options_.pool_size < least_pool)
    detail::fail<OptionError>(name, "pool_size", fmt::format("at least {}", least_pool), std::to_string(options_.pool_size));
  auto classes = detail::classes_of(labels, per_class);
  const auto available = detail::capped_pool_limit(classes.samples, per_class);
  if (available < groups) {
    detail::fail<DataError>(
        name, "labels",
        fmt::format("of at least {} groups of {} samples of a class (batch_size {})", groups, per_class, options_.batch_size),
        std::to_string(available));
  }
  class_of_ = detail::places_of_classes(classes, labels.size());
  classes_ = std::move(classes.samples);
  excluded_classes_ = std::move(classes.excluded);
  exclusion_ = detail::fewer_than(per_class);
  batch_size_ = options_.batch_size;
  batches_per_epoch_ = std::ssize(labels) / batch_size_;
}

std::vector<std::int64_t> CoresetSampler::plan(const torch::Tensor& features, Generator generator) const {
  return plan_batches(generator, [&](Generator& own) { return choose(features, own); });
}

std::vector<std::int64_t> CoresetSampler::choose(const torch::Tensor& features, Generator& generator) const {
  const bool full = options_.coreset == Coreset::full_greedy;
  const auto per_class = full ? 1 : options_.samples_per_class;
  const auto pool = detail::capped_pool(classes_, per_class, options_.pool_size, generator);
  auto rows = detail::project(detail::rows_of(features, pool), options_.projection_dim, generator);
  const auto tensor = torch::from_blob(rows.data(), {rows.rows(), rows.cols()}, torch::kFloat64);
  const auto count = full ? batch_size() - 1 : batch_size() / per_class;
  std::vector<std::int64_t> batch;
  for (const auto place : options_.coreset == Coreset::d2 ? d2_coreset(tensor, count, generator, options_.lambda)
                                                          : greedy_coreset(tensor, count, generator, options_.greedy)) {
    batch.push_back(pool[static_cast<std::size_t>(place)]);
  }
  if (!full) return detail::with_classmates(batch, classes_, class_of_, per_class, generator);

  const std::unordered_set<std::int64_t> held(batch.begin(), batch.end());
  const auto others_of = [&](std::vector<std::int64_t> samples) {
    std::erase_if(samples, [&](std::int64_t sample) { return held.count(sample) == 1; });
    return samples;
  };
  for (const auto sample : detail::draw_different(batch, std::ssize(batch), generator)) {
    const auto positives = others_of(classes_[static_cast<std::size_t>(class_of_[static_cast<std::size_t>(sample)])]);
    if (positives.empty()) continue;
    batch.push_back(positives[static_cast<std::size_t>(generator.below(std::ssize(positives)))]);
    return batch;
  }
  const auto any = others_of(detail::numbers(std::ssize(class_of_)));
  batch.push_back(any[static_cast<std::size_t>(generator.below(std::ssize(any)))]);
  return batch;
}

}  // namespace diva::inline v0_1
