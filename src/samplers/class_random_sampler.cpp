#include "classes.hpp"
#include "deck.hpp"

#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/samplers/class_random_sampler.hpp>

#include <utility>

namespace diva::inline v0_1 {

ClassRandomSampler::ClassRandomSampler(const std::vector<std::int64_t>& labels, ClassRandomSamplerOptions options,
                                       Generator generator)
    : options_(options), generator_(generator) {
  validate_fields("ClassRandomSampler", options_);
  const auto classes_per_batch = detail::divide_batch("ClassRandomSampler", options_.batch_size, options_.samples_per_class,
                                                      fmt::format("samples_per_class = {}", options_.samples_per_class));
  auto classes = detail::classes_of(labels, options_.samples_per_class);
  if (std::ssize(classes.samples) < classes_per_batch) {
    detail::fail<DataError>(
        "ClassRandomSampler", "labels",
        fmt::format("of at least {} classes with {} samples each (batch_size {})", classes_per_batch, options_.samples_per_class,
                    options_.batch_size),
        fmt::format("{} of {} classes", classes.samples.size(), classes.samples.size() + classes.excluded.size()));
  }
  classes_ = std::move(classes.samples);
  excluded_classes_ = std::move(classes.excluded);
  exclusion_ = detail::fewer_than(options_.samples_per_class);
  batch_size_ = options_.batch_size;
  batches_per_epoch_ = std::ssize(labels) / batch_size_;
}

std::vector<std::int64_t> ClassRandomSampler::plan(std::int64_t epoch) const {
  const auto generator = generator_.fork(static_cast<std::uint64_t>(epoch));
  auto samples = detail::make_decks(classes_, generator);
  detail::Deck classes(detail::numbers(std::ssize(classes_)), generator.fork(0));
  const auto per_class = static_cast<std::size_t>(options_.samples_per_class);
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < batches_per_epoch(); ++i) {
    for (const auto number : classes.deal(static_cast<std::size_t>(batch_size()) / per_class)) {
      const auto hand = samples[static_cast<std::size_t>(number)].deal(per_class);
      indices.insert(indices.end(), hand.begin(), hand.end());
    }
  }
  return indices;
}

}  // namespace diva::inline v0_1
