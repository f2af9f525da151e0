#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/samplers/coverage.hpp>

#include <algorithm>
#include <map>
#include <set>

namespace diva::inline v0_1 {

Coverage coverage(const std::vector<std::vector<std::int64_t>>& batches, const std::vector<std::int64_t>& labels) {
  Coverage result{.samples = std::ssize(labels)};
  std::vector<std::int64_t> draws(labels.size(), 0);
  std::int64_t classes_in_batches = 0, positives = 0;
  for (const auto& batch : batches) {
    std::map<std::int64_t, std::int64_t> of_sample, of_class;
    for (const auto index : batch) {
      if (index < 0 || index >= std::ssize(labels))
        detail::fail<DataError>("coverage", "index", fmt::format("in [0, {})", labels.size()), std::to_string(index));
      ++draws[static_cast<std::size_t>(index)];
      if (++of_sample[index] > 1) ++result.repeats;
      ++of_class[labels[static_cast<std::size_t>(index)]];
    }
    for (const auto& [sample, count] : of_sample) positives += count * (of_class[labels[static_cast<std::size_t>(sample)]] - count);
    classes_in_batches += std::ssize(of_class);
    result.draws += std::ssize(batch);
  }
  const std::set<std::int64_t> classes(labels.begin(), labels.end());
  std::set<std::int64_t> seen;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (draws[i] == 0) continue;
    ++result.samples_seen;
    seen.insert(labels[i]);
  }
  result.classes = std::ssize(classes);
  result.classes_seen = std::ssize(seen);
  if (!draws.empty()) {
    result.fewest_draws = *std::min_element(draws.begin(), draws.end());
    result.most_draws = *std::max_element(draws.begin(), draws.end());
  }
  if (!batches.empty()) result.classes_per_batch = static_cast<double>(classes_in_batches) / static_cast<double>(batches.size());
  if (result.draws > 0) result.positives_per_sample = static_cast<double>(positives) / static_cast<double>(result.draws);
  return result;
}

}  // namespace diva::inline v0_1
