#include "classes.hpp"

#include <fmt/format.h>
#include <diva/core/error.hpp>

#include <algorithm>
#include <map>
#include <utility>

namespace diva::inline v0_1::detail {

Classes classes_of(const std::vector<std::int64_t>& labels, std::int64_t min_samples) {
  std::map<std::int64_t, std::vector<std::int64_t>> all;
  for (std::size_t i = 0; i < labels.size(); ++i) all[labels[i]].push_back(static_cast<std::int64_t>(i));
  Classes classes;
  for (auto& [label, samples] : all) {
    if (std::ssize(samples) < min_samples) {
      classes.excluded.push_back(label);
    } else {
      classes.labels.push_back(label);
      classes.samples.push_back(std::move(samples));
    }
  }
  return classes;
}

std::vector<std::int64_t> places_of_classes(const Classes& classes, std::size_t samples) {
  std::vector<std::int64_t> places(samples, -1);
  for (std::size_t c = 0; c < classes.samples.size(); ++c) {
    for (const auto sample : classes.samples[c]) places[static_cast<std::size_t>(sample)] = static_cast<std::int64_t>(c);
  }
  return places;
}

Categories categories_of(std::string_view function, const std::vector<std::int64_t>& labels,
                         const std::vector<std::int64_t>& categories, std::int64_t batch_size, std::int64_t samples_per_class,
                         std::int64_t categories_per_batch) {
  const auto parts = samples_per_class * categories_per_batch;
  const auto min_classes =
      divide_batch(function, batch_size, parts, fmt::format("samples_per_class·categories_per_batch = {}", parts));
  if (labels.size() != categories.size()) {
    fail<DataError>(function, "categories", fmt::format("of {} samples, as labels are", labels.size()),
                    std::to_string(categories.size()));
  }
  std::map<std::int64_t, std::int64_t> category_of_class;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto [known, fresh] = category_of_class.emplace(labels[i], categories[i]);
    if (known->second != categories[i]) {
      fail<DataError>(function, "categories", fmt::format("one for all samples of class {}", labels[i]),
                      fmt::format("{} and {}", known->second, categories[i]));
    }
  }
  auto classes = classes_of(labels, samples_per_class);
  std::map<std::int64_t, std::vector<std::size_t>> all;
  for (std::size_t c = 0; c < classes.labels.size(); ++c) all[category_of_class[classes.labels[c]]].push_back(c);

  Categories result{.classes_per_category = min_classes,
                    .samples = {},
                    .classes = {},
                    .excluded = std::move(classes.excluded),
                    .exclusion = fewer_than(samples_per_class, min_classes)};
  for (const auto& [category, members] : all) {
    const bool kept = std::ssize(members) >= min_classes;
    if (kept) result.classes.emplace_back();
    for (const auto c : members) {
      if (kept) {
        result.classes.back().push_back(std::ssize(result.samples));
        result.samples.push_back(std::move(classes.samples[c]));
      } else {
        result.excluded.push_back(classes.labels[c]);
      }
    }
  }
  std::sort(result.excluded.begin(), result.excluded.end());
  if (std::ssize(result.classes) < categories_per_batch) {
    fail<DataError>(
        function, "categories",
        fmt::format("at least {} with {} classes of {} samples each", categories_per_batch, min_classes, samples_per_class),
        std::to_string(result.classes.size()));
  }
  return result;
}

std::string fewer_than(std::int64_t samples) { return fmt::format("have fewer than {} images", samples); }

std::string fewer_than(std::int64_t samples, std::int64_t classes) {
  return fmt::format("have fewer than {} images, or a category of fewer than {} classes that have them,", samples, classes);
}

std::int64_t divide_batch(std::string_view function, std::int64_t batch_size, std::int64_t parts, std::string_view what) {
  if (batch_size % parts != 0)
    fail<OptionError>(function, "batch_size", fmt::format("a multiple of {}", what), std::to_string(batch_size));
  return batch_size / parts;
}

void check_samples(std::string_view function, std::int64_t samples, std::int64_t batch_size) {
  if (samples < batch_size) {
    fail<DataError>(function, "samples", fmt::format("at least batch_size = {}", batch_size), std::to_string(samples));
  }
}

}  // namespace diva::inline v0_1::detail
