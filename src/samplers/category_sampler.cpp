#include "classes.hpp"
#include "cover.hpp"
#include "deck.hpp"

#include <diva/core/error.hpp>
#include <diva/samplers/category_sampler.hpp>

#include <algorithm>
#include <map>
#include <utility>

namespace diva::inline v0_1 {
namespace {

std::int64_t classes_per_category(const CategorySamplerOptions& options) {
  return options.batch_size / (options.samples_per_class * options.categories_per_batch);
}

// ⌈classes / classes_per_category⌉ of each category.
std::vector<std::int64_t> parts_of(const std::vector<std::vector<std::int64_t>>& categories, std::int64_t per_category) {
  std::vector<std::int64_t> parts;
  for (const auto& classes : categories) parts.push_back((std::ssize(classes) + per_category - 1) / per_category);
  return parts;
}

// `count` different indices of weights, one after the other, each with a chance in proportion to its weight among those left.
std::vector<std::int64_t> draw_weighted(std::vector<std::int64_t> weights, std::int64_t count, Generator& generator) {
  std::int64_t total = 0;
  for (const auto weight : weights) total += weight;
  std::vector<std::int64_t> drawn;
  while (std::ssize(drawn) < count) {
    auto place = generator.below(total);
    std::size_t i = 0;
    while (place >= weights[i]) place -= weights[i++];
    total -= std::exchange(weights[i], 0);
    drawn.push_back(static_cast<std::int64_t>(i));
  }
  return drawn;
}

}  // namespace

CategorySampler::CategorySampler(const std::vector<std::int64_t>& labels, const std::vector<std::int64_t>& categories,
                                 CategorySamplerOptions options, Generator generator)
    : options_(options), generator_(generator) {
  validate_fields("CategorySampler", options_);
  auto grouped = detail::categories_of("CategorySampler", labels, categories, options_.batch_size, options_.samples_per_class,
                                       options_.categories_per_batch);
  classes_ = std::move(grouped.samples);
  categories_ = std::move(grouped.classes);
  excluded_classes_ = std::move(grouped.excluded);
  exclusion_ = std::move(grouped.exclusion);
  batch_size_ = options_.batch_size;
  batches_per_epoch_ =
      options_.choice == CategoryChoice::distinct
          ? detail::cover_rounds(parts_of(categories_, grouped.classes_per_category), options_.categories_per_batch)
          : std::ssize(labels) / batch_size_;
}

std::vector<std::int64_t> CategorySampler::plan(std::int64_t epoch) const {
  const auto generator = generator_.fork(static_cast<std::uint64_t>(epoch));
  auto order = generator.fork(0);
  auto classes = detail::make_decks(categories_, generator.fork(1));
  auto samples = detail::make_decks(classes_, generator.fork(2));
  const auto per_category = classes_per_category(options_);

  std::vector<std::vector<std::int64_t>> rounds;
  if (options_.choice == CategoryChoice::distinct) {
    rounds = detail::cover(parts_of(categories_, per_category), options_.categories_per_batch, order);
  } else {
    std::vector<std::int64_t> weights(categories_.size(), 1);
    if (options_.choice == CategoryChoice::weighted) {
      std::transform(categories_.begin(), categories_.end(), weights.begin(),
                     [](const auto& members) { return std::ssize(members); });
    }
    for (std::int64_t i = 0; i < batches_per_epoch(); ++i)
      rounds.push_back(draw_weighted(weights, options_.categories_per_batch, order));
  }

  std::vector<std::int64_t> indices;
  for (const auto& round : rounds) {
    for (const auto category : round) {
      for (const auto number : classes[static_cast<std::size_t>(category)].deal(static_cast<std::size_t>(per_category))) {
        const auto hand = samples[static_cast<std::size_t>(number)].deal(static_cast<std::size_t>(options_.samples_per_class));
        indices.insert(indices.end(), hand.begin(), hand.end());
      }
    }
  }
  return indices;
}

std::vector<std::int64_t> categories_of(const std::vector<std::string>& class_names) {
  std::map<std::string, std::int64_t> known;
  std::vector<std::int64_t> categories;
  for (const auto& name : class_names) {
    const auto slash = name.rfind('/');
    const auto prefix = slash == std::string::npos ? std::string() : name.substr(0, slash + 1);
    categories.push_back(known.emplace(prefix, std::ssize(known)).first->second);
  }
  return categories;
}

}  // namespace diva::inline v0_1
