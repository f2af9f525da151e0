#include "support/catch.hpp"
#include "support/sampler_labels.hpp"

#include <diva/core/error.hpp>
#include <diva/samplers/class_random_sampler.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

using diva::ClassRandomSampler;
using diva::Generator;
using sampler_labels::labels_of;
using sampler_labels::random_sizes;

TEST_CASE("class_random_sampler gives m different classes with n different samples, grouped by class, for many seeds and sizes") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Generator generator(seed);
    const auto m = 1 + generator.below(8), n = 1 + generator.below(4);
    const auto labels = labels_of(random_sizes(generator, m + generator.below(10), m, n));
    const ClassRandomSampler sampler(labels, {.batch_size = m * n, .samples_per_class = n}, generator.fork(1));
    REQUIRE(sampler.batches_per_epoch() == static_cast<std::int64_t>(labels.size()) / (m * n));
    for (std::int64_t i = 0; i < sampler.batches_per_epoch(); ++i) {
      const auto batch = sampler.batch(0, i);
      INFO("seed " << seed << ", batch " << i);
      REQUIRE(static_cast<std::int64_t>(batch.size()) == m * n);
      REQUIRE(std::set(batch.begin(), batch.end()).size() == batch.size());
      std::set<std::int64_t> classes;
      for (std::size_t j = 0; j < batch.size(); ++j) {
        const auto label = labels.at(static_cast<std::size_t>(batch[j]));
        classes.insert(label);
        const auto first_of_group = j - j % static_cast<std::size_t>(n);
        REQUIRE(label == labels[static_cast<std::size_t>(batch[first_of_group])]);
      }
      REQUIRE(static_cast<std::int64_t>(classes.size()) == m);
    }
  }
}

TEST_CASE("class_random_sampler deals all classes and all samples equally often, give or take one, at every moment of an epoch") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    // 10 classes of 12, 7 a batch: the deck of classes ends inside a batch nearly always. 120 / 21 = 5 batches, so 35 classes are
    // dealt: three full decks and five cards, and each class gives 9 or 12 of its samples.
    const auto labels = labels_of(std::vector<std::int64_t>(10, 12));
    const ClassRandomSampler sampler(labels, {.batch_size = 21, .samples_per_class = 3}, Generator(seed));
    std::map<std::int64_t, std::int64_t> class_counts, sample_counts;
    for (std::int64_t c = 0; c < 10; ++c) class_counts[c] = 0;
    for (std::int64_t i = 0; i < sampler.batches_per_epoch(); ++i) {
      for (const auto index : sampler.batch(3, i)) {
        ++class_counts[labels[static_cast<std::size_t>(index)]];
        ++sample_counts[index];
      }
      const auto [fewest, most] = std::minmax_element(class_counts.begin(), class_counts.end(),
                                                      [](const auto& a, const auto& b) { return a.second < b.second; });
      REQUIRE(most->second - fewest->second <= 3);
    }
    CHECK(sampler.batches_per_epoch() == 5);
    for (const auto& [index, count] : sample_counts) REQUIRE(count == 1);  // at most 12 draws from 12 samples
  }
}

TEST_CASE("class_random_sampler uses the samples of a small class again only after all of them") {
  // Class 0 has 5 samples and is in every batch (m = number of classes), two at a time: 40 batches / (5/2) = 16 rounds of its deck.
  auto sizes = std::vector<std::int64_t>{5, 160};
  const auto labels = labels_of(sizes);
  const ClassRandomSampler sampler(labels, {.batch_size = 4, .samples_per_class = 2}, Generator(5));
  std::map<std::int64_t, std::int64_t> counts;
  for (std::int64_t i = 0; i < 40; ++i) {
    for (const auto index : sampler.batch(0, i)) {
      if (labels[static_cast<std::size_t>(index)] == 0) ++counts[index];
    }
  }
  REQUIRE(counts.size() == 5);
  for (const auto& [index, count] : counts) CHECK(count == 16);
}

TEST_CASE("class_random_sampler pairs all samples of a class with one another in the course of epochs") {
  const auto labels = labels_of({4, 4});
  const ClassRandomSampler sampler(labels, {.batch_size = 4, .samples_per_class = 2}, Generator(6));
  std::set<std::pair<std::int64_t, std::int64_t>> pairs;
  for (std::int64_t epoch = 0; epoch < 100; ++epoch) {
    for (std::int64_t i = 0; i < sampler.batches_per_epoch(); ++i) {
      const auto batch = sampler.batch(epoch, i);
      for (std::size_t j = 0; j < 4; j += 2) pairs.insert(std::minmax(batch[j], batch[j + 1]));
    }
  }
  CHECK(pairs.size() == 12);  // 4·3/2 in each of two classes
}

TEST_CASE("class_random_sampler is a function of seed, epoch and batch") {
  const auto labels = labels_of(std::vector<std::int64_t>(30, 10));
  const diva::ClassRandomSamplerOptions options{.batch_size = 20, .samples_per_class = 2};
  const ClassRandomSampler forwards(labels, options, Generator(1)), backwards(labels, options, Generator(1));
  const ClassRandomSampler other(labels, options, Generator(2));
  std::vector<std::vector<std::int64_t>> batches;
  for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
    for (std::int64_t i = 0; i < 15; ++i) batches.push_back(forwards.batch(epoch, i));
  }
  for (std::int64_t k = 44; k >= 0; --k) REQUIRE(backwards.batch(k / 15, k % 15) == batches[static_cast<std::size_t>(k)]);
  CHECK(batches[0] != batches[15]);
  CHECK(other.batch(0, 0) != batches[0]);
}

TEST_CASE("class_random_sampler lists the classes that it cannot draw, never draws them, and fails when too few are left") {
  auto labels = labels_of({3, 1, 2, 5});
  labels.push_back(9);  // labels need not be contiguous
  const ClassRandomSampler sampler(labels, {.batch_size = 4, .samples_per_class = 2}, Generator(0));
  CHECK(sampler.excluded_classes() == std::vector<std::int64_t>{1, 9});
  CHECK(sampler.batches_per_epoch() == 3);
  for (std::int64_t epoch = 0; epoch < 50; ++epoch) {
    for (std::int64_t i = 0; i < 3; ++i) {
      for (const auto index : sampler.batch(epoch, i)) {
        const auto label = labels[static_cast<std::size_t>(index)];
        REQUIRE((label == 0 || label == 2 || label == 3));
      }
    }
  }
  CHECK_THROWS_AS(ClassRandomSampler(labels, {.batch_size = 8, .samples_per_class = 2}, Generator(0)), diva::DataError);
  CHECK_THROWS_WITH(
      ClassRandomSampler({}, {.batch_size = 2, .samples_per_class = 1}, Generator(0)),
      "ClassRandomSampler: labels must be of at least 2 classes with 1 samples each (batch_size 2), got 0 of 0 classes");
}

TEST_CASE("class_random_sampler refuses a batch size that the samples of a class do not divide, and batches that do not exist") {
  const auto labels = labels_of({4, 4});
  CHECK_THROWS_WITH(ClassRandomSampler(labels, {.batch_size = 3, .samples_per_class = 2}, Generator(0)),
                    "ClassRandomSampler: batch_size must be a multiple of samples_per_class = 2, got 3");
  CHECK_THROWS_AS(ClassRandomSampler(labels, {.batch_size = 4, .samples_per_class = 0}, Generator(0)), diva::OptionError);
  const ClassRandomSampler sampler(labels, {.batch_size = 4, .samples_per_class = 2}, Generator(0));
  CHECK_THROWS_AS(sampler.batch(0, 2), diva::OptionError);
  CHECK_THROWS_AS(sampler.batch(0, -1), diva::OptionError);
  CHECK_THROWS_AS(sampler.batch(-1, 0), diva::OptionError);
}
