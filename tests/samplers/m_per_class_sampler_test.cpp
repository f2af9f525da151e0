#include "support/catch.hpp"
#include "support/sampler_labels.hpp"

#include <diva/core/error.hpp>
#include <diva/samplers/coverage.hpp>
#include <diva/samplers/m_per_class_sampler.hpp>

#include <map>
#include <set>

using diva::Generator;
using diva::MPerClassSampler;
using sampler_labels::epoch_of;
using sampler_labels::label_of;
using sampler_labels::labels_of;

TEST_CASE("m_per_class_sampler holds every sample of every class in each epoch, also of classes smaller than n") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Generator generator(seed);
    const auto m = 1 + generator.below(6), n = 1 + generator.below(5), classes = m + generator.below(12);
    std::vector<std::int64_t> sizes;
    for (std::int64_t c = 0; c < classes; ++c) sizes.push_back(1 + generator.below(seed % 3 == 0 ? 40 : 9));
    const auto labels = labels_of(sizes);
    const MPerClassSampler sampler(labels, {.batch_size = m * n, .samples_per_class = n}, generator.fork(1));

    // The least number of batches that can hold all: one part of a class a batch, m parts a batch.
    std::int64_t parts = 0, most = 0;
    for (const auto size : sizes) {
      parts += (size + n - 1) / n;
      most = std::max(most, (size + n - 1) / n);
    }
    INFO("seed " << seed);
    REQUIRE(sampler.batches_per_epoch() == std::max((parts + m - 1) / m, most));

    const auto batches = epoch_of(sampler, 3);
    for (const auto& batch : batches) {
      REQUIRE(std::ssize(batch) == m * n);
      std::set<std::int64_t> seen;
      for (std::int64_t g = 0; g < m; ++g) {
        const std::vector<std::int64_t> group(batch.begin() + g * n, batch.begin() + (g + 1) * n);
        const auto label = label_of(labels, group[0]);
        REQUIRE(seen.insert(label).second);
        for (const auto index : group) REQUIRE(label_of(labels, index) == label);
        const auto different = std::ssize(std::set(group.begin(), group.end()));
        REQUIRE(different == std::min(n, sizes[static_cast<std::size_t>(label)]));
      }
    }
    const auto counted = diva::coverage(batches, labels);
    REQUIRE(counted.samples_seen == std::ssize(labels));
    REQUIRE(counted.fewest_draws >= 1);
  }
}

TEST_CASE("m_per_class_sampler gives the places that are left over to all classes evenly") {
  // Parts 1 each of 7 classes, 3 a batch: 3 batches, 9 places, so two classes get a second part and none a third.
  const auto labels = labels_of(std::vector<std::int64_t>(7, 2));
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const MPerClassSampler sampler(labels, {.batch_size = 6, .samples_per_class = 2}, Generator(seed));
    REQUIRE(sampler.batches_per_epoch() == 3);
    std::map<std::int64_t, std::int64_t> counts;
    for (const auto& batch : epoch_of(sampler)) {
      for (std::size_t i = 0; i < 6; i += 2) ++counts[label_of(labels, batch[i])];
    }
    std::int64_t twice = 0;
    for (const auto& [label, count] : counts) {
      REQUIRE(count <= 2);
      twice += count == 2;
    }
    REQUIRE(counts.size() == 7);
    REQUIRE(twice == 2);
  }
}

TEST_CASE("m_per_class_sampler puts different classes together in the course of epochs") {
  const auto labels = labels_of(std::vector<std::int64_t>(8, 6));
  const MPerClassSampler sampler(labels, {.batch_size = 4, .samples_per_class = 2}, Generator(6));
  std::set<std::pair<std::int64_t, std::int64_t>> pairs;
  for (std::int64_t epoch = 0; epoch < 20; ++epoch) {
    for (const auto& batch : epoch_of(sampler, epoch))
      pairs.insert(std::minmax(label_of(labels, batch[0]), label_of(labels, batch[2])));
  }
  CHECK(pairs.size() == 28);  // 8·7/2
}

TEST_CASE("m_per_class_sampler excludes small classes where it is told to") {
  const auto labels = labels_of({5, 1, 3, 2});
  const MPerClassSampler sampler(labels, {.batch_size = 4, .samples_per_class = 2, .small_classes = diva::SmallClasses::exclude},
                                 Generator(0));
  CHECK(sampler.excluded_classes() == std::vector<std::int64_t>{1});
  CHECK(sampler.exclusion() == "have fewer than 2 images");
  const auto counted = diva::coverage(epoch_of(sampler), labels);
  CHECK(counted.samples_seen == 10);
  CHECK(counted.repeats == 0);
}

TEST_CASE("m_per_class_sampler is a function of seed and epoch, and refuses what it cannot do") {
  const auto labels = labels_of({4, 4, 4});
  const diva::MPerClassSamplerOptions options{.batch_size = 4, .samples_per_class = 2};
  CHECK(epoch_of(MPerClassSampler(labels, options, Generator(1)), 1) ==
        epoch_of(MPerClassSampler(labels, options, Generator(1)), 1));
  CHECK(epoch_of(MPerClassSampler(labels, options, Generator(1)), 1) !=
        epoch_of(MPerClassSampler(labels, options, Generator(1)), 2));
  CHECK_THROWS_AS(MPerClassSampler(labels, {.batch_size = 5, .samples_per_class = 2}, Generator(0)), diva::OptionError);
  CHECK_THROWS_WITH(MPerClassSampler(labels, {.batch_size = 8, .samples_per_class = 2}, Generator(0)),
                    "MPerClassSampler: labels must be of at least 4 classes that can be drawn (batch_size 8), got 3 of 3 classes");
  CHECK_THROWS_AS(MPerClassSampler({}, options, Generator(0)), diva::DataError);
}
