#include "support/catch.hpp"
#include "support/sampler_labels.hpp"

#include <diva/core/error.hpp>
#include <diva/samplers/full_random_sampler.hpp>

#include <map>
#include <set>

using diva::FullRandomSampler;
using diva::Generator;
using sampler_labels::epoch_of;

TEST_CASE("full_random_sampler holds every sample in an epoch, once or, to fill the last batch, twice") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Generator generator(seed);
    const auto samples = 1 + generator.below(40), size = 1 + generator.below(samples);
    const FullRandomSampler sampler(samples, {.batch_size = size}, generator.fork(1));
    std::map<std::int64_t, std::int64_t> counts;
    for (const auto& batch : epoch_of(sampler, 2)) {
      REQUIRE(std::ssize(batch) == size);
      REQUIRE(std::ssize(std::set(batch.begin(), batch.end())) == size);
      for (const auto index : batch) ++counts[index];
    }
    REQUIRE(std::ssize(counts) == samples);
    REQUIRE(counts.begin()->first == 0);
    REQUIRE(counts.rbegin()->first == samples - 1);
    std::int64_t twice = 0;
    for (const auto& [index, count] : counts) {
      REQUIRE(count <= 2);
      twice += count == 2;
    }
    REQUIRE(twice == sampler.batches_per_epoch() * size - samples);
    REQUIRE(twice < size);
  }
}

TEST_CASE("full_random_sampler shuffles each epoch anew by its seed") {
  const FullRandomSampler sampler(30, {.batch_size = 10}, Generator(1)), same(30, {.batch_size = 10}, Generator(1)),
      other(30, {.batch_size = 10}, Generator(2));
  CHECK(epoch_of(sampler, 1) == epoch_of(same, 1));
  CHECK(epoch_of(sampler, 1) != epoch_of(same, 0));
  CHECK(epoch_of(sampler, 1) != epoch_of(other, 1));
}

TEST_CASE("full_random_sampler refuses batches larger than the data") {
  CHECK_THROWS_AS(FullRandomSampler(2, {.batch_size = 3}, Generator(0)), diva::DataError);
  CHECK_THROWS_AS(FullRandomSampler(0, {.batch_size = 1}, Generator(0)), diva::DataError);
  CHECK_THROWS_AS(FullRandomSampler(2, {.batch_size = 0}, Generator(0)), diva::OptionError);
}
