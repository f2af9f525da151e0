#pragma once

#include <diva/core/generator.hpp>
#include <diva/samplers/sampler.hpp>

#include <algorithm>
#include <cstdint>
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

/// All batches of an epoch.
inline std::vector<std::vector<std::int64_t>> epoch_of(const diva::Sampler& sampler, std::int64_t epoch = 0) {
  std::vector<std::vector<std::int64_t>> batches;
  for (std::int64_t i = 0; i < sampler.batches_per_epoch(); ++i) batches.push_back(sampler.batch(epoch, i));
  return batches;
}

inline std::int64_t label_of(const std::vector<std::int64_t>& labels, std::int64_t sample) {
  return labels.at(static_cast<std::size_t>(sample));
}

}  // namespace sampler_labels
