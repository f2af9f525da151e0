#include "classes.hpp"
#include "deck.hpp"

#include <diva/core/error.hpp>
#include <diva/samplers/random_sampler.hpp>

#include <unordered_set>
#include <utility>

namespace diva::inline v0_1 {

RandomSampler::RandomSampler(const std::vector<std::int64_t>& labels, RandomSamplerOptions options, Generator generator)
    : options_(options), generator_(generator) {
  validate_fields("RandomSampler", options_);
  detail::check_samples("RandomSampler", std::ssize(labels), options_.batch_size);
  auto classes = detail::classes_of(labels);
  class_of_ = detail::places_of_classes(classes, labels.size());
  classes_ = std::move(classes.samples);
  batch_size_ = options_.batch_size;
  batches_per_epoch_ = std::ssize(labels) / batch_size_;
}

std::vector<std::int64_t> RandomSampler::make_batch(std::int64_t epoch, std::int64_t index) const {
  auto generator = generator_.fork(static_cast<std::uint64_t>(epoch)).fork(static_cast<std::uint64_t>(index));
  std::vector<std::int64_t> batch;
  std::unordered_set<std::int64_t> held;
  auto open = detail::numbers(std::ssize(classes_));  // classes with a sample that is not in the batch
  std::vector<std::int64_t> taken(classes_.size(), 0);
  // A class that is drawn has a sample left, so that drawing until a new one comes ends.
  const auto draw = [&] {
    const auto place = static_cast<std::size_t>(generator.below(std::ssize(open)));
    const auto number = static_cast<std::size_t>(open[place]);
    const auto& samples = classes_[number];
    std::int64_t sample = 0;
    do {
      sample = samples[static_cast<std::size_t>(generator.below(std::ssize(samples)))];
    } while (!held.insert(sample).second);
    batch.push_back(sample);
    if (++taken[number] == std::ssize(samples)) {
      open[place] = open.back();
      open.pop_back();
    }
  };
  while (std::ssize(batch) < options_.batch_size - (options_.positive ? 1 : 0)) draw();
  if (options_.positive) {
    for (const auto other : detail::draw_different(batch, std::ssize(batch), generator)) {
      auto candidates = classes_[static_cast<std::size_t>(class_of_[static_cast<std::size_t>(other)])];
      std::erase_if(candidates, [&](std::int64_t sample) { return held.count(sample) == 1; });
      if (candidates.empty()) continue;
      batch.push_back(candidates[static_cast<std::size_t>(generator.below(std::ssize(candidates)))]);
      return batch;
    }
    draw();
  }
  return batch;
}

}  // namespace diva::inline v0_1
