#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/samplers/coverage.hpp>

TEST_CASE("coverage counts what batches hold") {
  // Samples 0 … 5 of classes 0 0 0 1 1 2. First batch: 0 1 3, second: 1 1 4 3.
  //   draws: sample 0 once, 1 three times, 3 twice, 4 once; 2 and 5 never. Sample 1 is repeated in the second batch.
  //   classes of the batches: {0, 1} and {0, 1}, 2 on average.
  //   positives: first 0-1, 1-0, none for 3: 2; second: none for 1 and 1 (the same sample), 4-3, 3-4: 2. 4/7 a place.
  const auto counted = diva::coverage({{0, 1, 3}, {1, 1, 4, 3}}, {0, 0, 0, 1, 1, 2});
  CHECK(counted.samples == 6);
  CHECK(counted.samples_seen == 4);
  CHECK(counted.classes == 3);
  CHECK(counted.classes_seen == 2);
  CHECK(counted.draws == 7);
  CHECK(counted.fewest_draws == 0);
  CHECK(counted.most_draws == 3);
  CHECK(counted.repeats == 1);
  CHECK(counted.classes_per_batch == 2);
  CHECK(counted.positives_per_sample == 4.0 / 7);
}

TEST_CASE("coverage of nothing is zeros") {
  const auto none = diva::coverage({}, {});
  CHECK(none.samples == 0);
  CHECK(none.most_draws == 0);
  CHECK(none.classes_per_batch == 0);
  CHECK(none.positives_per_sample == 0);
  const auto unseen = diva::coverage({{}}, {4, 4});
  CHECK(unseen.classes == 1);
  CHECK(unseen.samples_seen == 0);
  CHECK(unseen.classes_per_batch == 0);
}

TEST_CASE("coverage refuses an index that is not of a sample") {
  CHECK_THROWS_AS(diva::coverage({{2}}, {0, 0}), diva::DataError);
  CHECK_THROWS_AS(diva::coverage({{-1}}, {0, 0}), diva::DataError);
}
