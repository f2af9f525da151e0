#include "support/catch.hpp"
#include "support/sampler_labels.hpp"

#include <diva/core/error.hpp>
#include <diva/samplers/random_sampler.hpp>

#include <map>
#include <set>

using diva::Generator;
using diva::RandomSampler;
using sampler_labels::epoch_of;
using sampler_labels::label_of;
using sampler_labels::labels_of;

TEST_CASE("random_sampler gives whole batches of different samples, for many seeds and sizes up to the whole data set") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Generator generator(seed);
    const auto labels = labels_of(sampler_labels::random_sizes(generator, 1 + generator.below(6), 1, 1));
    const auto size = 1 + generator.below(std::ssize(labels));
    const RandomSampler sampler(labels, {.batch_size = size, .positive = seed % 2 == 1}, generator.fork(1));
    REQUIRE(sampler.batches_per_epoch() == std::ssize(labels) / size);
    for (const auto& batch : epoch_of(sampler)) {
      INFO("seed " << seed);
      REQUIRE(std::ssize(batch) == size);
      REQUIRE(std::ssize(std::set(batch.begin(), batch.end())) == size);
      REQUIRE(*std::min_element(batch.begin(), batch.end()) >= 0);
      REQUIRE(*std::max_element(batch.begin(), batch.end()) < std::ssize(labels));
    }
  }
}

TEST_CASE("random_sampler draws classes alike, however large they are") {
  // Sizes 2 and 40: half of the single draws are of the small class. Of 42 · 100 draws 2100 ± 5 · 32.
  const auto labels = labels_of({2, 40});
  const RandomSampler sampler(labels, {.batch_size = 1}, Generator(3));
  std::int64_t small = 0;
  for (std::int64_t epoch = 0; epoch < 100; ++epoch) {
    for (const auto& batch : epoch_of(sampler, epoch)) small += label_of(labels, batch[0]) == 0;
  }
  CHECK(small > 1940);
  CHECK(small < 2260);
}

TEST_CASE("random_sampler with positive ends every batch with a positive pair where there can be one") {
  // 40 classes of 3: of 4 samples two of a class are rare by chance.
  const auto labels = labels_of(std::vector<std::int64_t>(40, 3));
  const RandomSampler with(labels, {.batch_size = 4, .positive = true}, Generator(4));
  const RandomSampler without(labels, {.batch_size = 4}, Generator(4));
  const auto pairs = [&](const std::vector<std::int64_t>& batch) {
    return std::any_of(batch.begin(), batch.end() - 1,
                       [&](auto i) { return label_of(labels, i) == label_of(labels, batch.back()); });
  };
  std::int64_t by_chance = 0;
  for (std::int64_t epoch = 0; epoch < 20; ++epoch) {
    for (const auto& batch : epoch_of(with, epoch)) REQUIRE(pairs(batch));
    for (const auto& batch : epoch_of(without, epoch)) by_chance += pairs(batch);
  }
  CHECK(by_chance < 150);  // of 600; expected 600 · 3 · 1/40 = 45
  // Classes of one sample have none: any other sample comes last.
  const RandomSampler none({0, 1, 2, 3}, {.batch_size = 3, .positive = true}, Generator(5));
  const auto batch = none.batch(0, 0);
  CHECK(std::set(batch.begin(), batch.end()).size() == 3);
}

TEST_CASE("random_sampler is a function of seed, epoch and batch") {
  const auto labels = labels_of(std::vector<std::int64_t>(10, 10));
  const RandomSampler one(labels, {.batch_size = 10}, Generator(1)), same(labels, {.batch_size = 10}, Generator(1)),
      other(labels, {.batch_size = 10}, Generator(2));
  const auto last = one.batch(2, 9);
  CHECK(same.batch(2, 9) == last);
  CHECK(one.batch(2, 8) != last);
  CHECK(one.batch(1, 9) != last);
  CHECK(other.batch(2, 9) != last);
}

TEST_CASE("random_sampler refuses batches larger than the data") {
  CHECK_THROWS_WITH(RandomSampler({0, 1}, {.batch_size = 3}, Generator(0)),
                    "RandomSampler: samples must be at least batch_size = 3, got 2");
  CHECK_THROWS_AS(RandomSampler({0, 1}, {.batch_size = 0}, Generator(0)), diva::OptionError);
  CHECK_THROWS_AS(RandomSampler({}, {.batch_size = 1}, Generator(0)), diva::DataError);
}
