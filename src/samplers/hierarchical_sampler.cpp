#include "classes.hpp"
#include "deck.hpp"

#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/samplers/hierarchical_sampler.hpp>

#include <algorithm>
#include <utility>

namespace diva::inline v0_1 {
namespace {

constexpr std::int64_t most_batches = std::int64_t{1} << 24;

// `set` choose `size`, or more than most_batches where it is more.
std::int64_t choose(std::int64_t set, std::int64_t size) {
  if (size > set) return 0;
  size = std::min(size, set - size);
  std::int64_t count = 1;
  for (std::int64_t i = 1; i <= size; ++i) {
    count = count * (set - size + i) / i;  // whole, since it is (set − size + i) choose i
    if (count > most_batches) return most_batches + 1;
  }
  return count;
}

// Combination number `rank` of `size` out of 0 … set − 1, in lexicographic order.
std::vector<std::int64_t> combination(std::int64_t set, std::int64_t size, std::int64_t rank) {
  std::vector<std::int64_t> members;
  for (std::int64_t member = 0; std::ssize(members) < size; ++member) {
    const auto with_member = choose(set - member - 1, size - std::ssize(members) - 1);
    if (rank < with_member) {
      members.push_back(member);
    } else {
      rank -= with_member;
    }
  }
  return members;
}

}  // namespace

HierarchicalSampler::HierarchicalSampler(const std::vector<std::int64_t>& labels, const std::vector<std::int64_t>& categories,
                                         HierarchicalSamplerOptions options, Generator generator)
    : options_(options), generator_(generator) {
  validate_fields("HierarchicalSampler", options_);
  auto grouped = detail::categories_of("HierarchicalSampler", labels, categories, options_.batch_size, options_.samples_per_class,
                                       options_.categories_per_batch);
  classes_ = std::move(grouped.samples);
  categories_ = std::move(grouped.classes);
  excluded_classes_ = std::move(grouped.excluded);
  exclusion_ = std::move(grouped.exclusion);
  batch_size_ = options_.batch_size;
  const auto combinations = choose(std::ssize(categories_), options_.categories_per_batch);
  if (combinations > most_batches / options_.batches_per_combination) {
    detail::fail<OptionError>("HierarchicalSampler", "batches_per_combination",
                              fmt::format("such that an epoch has at most {} batches", most_batches),
                              fmt::format("{} for each choice of {} of {} categories", options_.batches_per_combination,
                                          options_.categories_per_batch, categories_.size()));
  }
  batches_per_epoch_ = combinations * options_.batches_per_combination;
}

std::vector<std::int64_t> HierarchicalSampler::plan(std::int64_t epoch) const {
  const auto generator = generator_.fork(static_cast<std::uint64_t>(epoch));
  auto order = generator.fork(0);
  auto classes = detail::make_decks(categories_, generator.fork(1));
  auto samples = detail::make_decks(classes_, generator.fork(2));
  const auto per_category = batch_size() / (options_.samples_per_class * options_.categories_per_batch);
  std::vector<std::int64_t> indices;
  for (const auto number : detail::draw_different(detail::numbers(batches_per_epoch()), batches_per_epoch(), order)) {
    for (const auto category :
         combination(std::ssize(categories_), options_.categories_per_batch, number / options_.batches_per_combination)) {
      for (const auto member : classes[static_cast<std::size_t>(category)].deal(static_cast<std::size_t>(per_category))) {
        const auto hand = samples[static_cast<std::size_t>(member)].deal(static_cast<std::size_t>(options_.samples_per_class));
        indices.insert(indices.end(), hand.begin(), hand.end());
      }
    }
  }
  return indices;
}

}  // namespace diva::inline v0_1
