#include "classes.hpp"
#include "cover.hpp"
#include "deck.hpp"

#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/samplers/m_per_class_sampler.hpp>

#include <algorithm>
#include <utility>

namespace diva::inline v0_1 {

MPerClassSampler::MPerClassSampler(const std::vector<std::int64_t>& labels, MPerClassSamplerOptions options, Generator generator)
    : options_(options), generator_(generator) {
  validate_fields("MPerClassSampler", options_);
  const auto per_class = options_.samples_per_class;
  const auto classes_per_batch =
      detail::divide_batch("MPerClassSampler", options_.batch_size, per_class, fmt::format("samples_per_class = {}", per_class));
  auto classes = detail::classes_of(labels, options_.small_classes == SmallClasses::exclude ? per_class : 1);
  if (std::ssize(classes.samples) < classes_per_batch) {
    detail::fail<DataError>(
        "MPerClassSampler", "labels",
        fmt::format("of at least {} classes that can be drawn (batch_size {})", classes_per_batch, options_.batch_size),
        fmt::format("{} of {} classes", classes.samples.size(), classes.samples.size() + classes.excluded.size()));
  }
  classes_ = std::move(classes.samples);
  excluded_classes_ = std::move(classes.excluded);
  exclusion_ = detail::fewer_than(per_class);
  for (const auto& samples : classes_) parts_.push_back((std::ssize(samples) + per_class - 1) / per_class);
  batch_size_ = options_.batch_size;
  batches_per_epoch_ = detail::cover_rounds(parts_, classes_per_batch);
}

std::vector<std::int64_t> MPerClassSampler::plan(std::int64_t epoch) const {
  const auto generator = generator_.fork(static_cast<std::uint64_t>(epoch));
  auto samples = detail::make_decks(classes_, generator);
  auto order = generator.fork(0);
  std::vector<std::int64_t> indices;
  for (const auto& round : detail::cover(parts_, batch_size() / options_.samples_per_class, order)) {
    for (const auto number : round) {
      const auto place = static_cast<std::size_t>(number);
      const auto hand =
          samples[place].deal(static_cast<std::size_t>(std::min(options_.samples_per_class, std::ssize(classes_[place]))));
      for (std::int64_t i = 0; i < options_.samples_per_class; ++i)
        indices.push_back(hand[static_cast<std::size_t>(i) % hand.size()]);
    }
  }
  return indices;
}

}  // namespace diva::inline v0_1
