#pragma once

#include <cstdint>
#include <vector>

namespace diva::inline v0_1 {

/// What batches hold of a data set.
struct Coverage {
  std::int64_t samples = 0;       ///< Of the data set.
  std::int64_t samples_seen = 0;  ///< That occur at least once.
  std::int64_t classes = 0;
  std::int64_t classes_seen = 0;
  std::int64_t draws = 0;         ///< Places in all batches.
  std::int64_t fewest_draws = 0;  ///< Of the sample that occurs least often.
  std::int64_t most_draws = 0;
  std::int64_t repeats = 0;         ///< Places whose sample stands in the same batch before.
  double classes_per_batch = 0;     ///< Different classes, on average.
  double positives_per_sample = 0;  ///< Other places of the batch with the same class and another sample, on average.
};

/// Counts what these batches hold, perhaps those of an epoch or of several.
///
/// Edge:    no batches, or no samples: zeros.
/// Cost:    O(samples + draws · log batch).
/// Throws:  DataError for an index that is not of a sample.
Coverage coverage(const std::vector<std::vector<std::int64_t>>& batches, const std::vector<std::int64_t>& labels);

}  // namespace diva::inline v0_1
