#pragma once

#include <diva/core/generator.hpp>
#include <diva/samplers/sampler.hpp>

#include <algorithm>
#include <cstdint>
#include <set>
#include <vector>

/// Labels for the tests of samplers.
namespace sampler_labels {

/// Label of class c for sizes[c] samples each, mixed so that classes are not contiguous.
inline std::vector<std::int64_t> labels_of(const std::vector<std::int64_t>& sizes) {
  std::vector<std::int64_t> labels;
  for (std::int64_t round = 0; round < *std::max_element(sizes.begin(), sizes.end()); ++round) {
    for (std::size_t c = 0; c < sizes.size(); ++c) {
      if (round < sizes[c]) labels.push_back(static_cast<std::int64_t>(c));
    }
  }
  return labels;
}

/// Sizes between 1 and 9 from a seed; at least `classes` of them can give `samples` samples.
inline std::vector<std::int64_t> random_sizes(diva::Generator& generator, std::int64_t count, std::int64_t classes,
                                              std::int64_t samples) {
  std::vector<std::int64_t> sizes;
  for (std::int64_t c = 0; c < count; ++c) sizes.push_back(c < classes ? samples + generator.below(4) : 1 + generator.below(9));
  return sizes;
}

/// Labels of which batches of `classes` · `samples_per_class` can be made, from a seed.
struct Problem {
  std::int64_t classes, samples_per_class;
  std::vector<std::int64_t> labels;
  [[nodiscard]] std::int64_t batch_size() const { return classes * samples_per_class; }
};

inline Problem random_problem(diva::Generator& generator) {
  const auto m = 1 + generator.below(6), n = 1 + generator.below(3);
  return {m, n, labels_of(random_sizes(generator, m + generator.below(8), m, n))};
}

/// All batches of an epoch.
inline std::vector<std::vector<std::int64_t>> epoch_of(const diva::Sampler& sampler, std::int64_t epoch = 0) {
  std::vector<std::vector<std::int64_t>> batches;
  for (std::int64_t i = 0; i < sampler.batches_per_epoch(); ++i) batches.push_back(sampler.batch(epoch, i));
  return batches;
}

inline std::int64_t label_of(const std::vector<std::int64_t>& labels, std::int64_t sample) {
  return labels.at(static_cast<std::size_t>(sample));
}

/// Whether no sample is in the batch twice.
inline bool all_differ(const std::vector<std::int64_t>& batch) {
  return std::set(batch.begin(), batch.end()).size() == batch.size();
}

/// Whether samples of a class stand side by side, as many as the problem says.
inline bool side_by_side(const Problem& problem, const std::vector<std::int64_t>& batch) {
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const auto first = i - i % static_cast<std::size_t>(problem.samples_per_class);
    if (label_of(problem.labels, batch[i]) != label_of(problem.labels, batch[first])) return false;
  }
  return true;
}

}  // namespace sampler_labels
