#include "support/catch.hpp"
#include "support/sampler_labels.hpp"

#include <diva/core/error.hpp>
#include <diva/samplers/coreset_sampler.hpp>

#include <map>
#include <set>

using diva::Coreset;
using diva::CoresetSampler;
using diva::Generator;
using sampler_labels::epoch_of;
using sampler_labels::label_of;
using sampler_labels::labels_of;

TEST_CASE("coreset_sampler holds no sample twice and fills up by classes, for many seeds and every coreset") {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    Generator generator(seed);
    const auto coreset = static_cast<Coreset>(seed % 3);
    const auto problem = sampler_labels::random_problem(generator);
    CoresetSampler sampler(problem.labels,
                           {.batch_size = problem.batch_size(),
                            .samples_per_class = problem.samples_per_class,
                            .pool_size = problem.batch_size() + generator.below(30),
                            .projection_dim = seed % 2 == 0 ? -1 : 2,
                            .coreset = coreset},
                           generator.fork(1));
    sampler.refresh(generator.normal({std::ssize(problem.labels), 3}));
    sampler.start_epoch(0);
    INFO("seed " << seed);
    REQUIRE(sampler.batches_per_epoch() == std::ssize(problem.labels) / problem.batch_size());
    for (const auto& batch : epoch_of(sampler)) {
      REQUIRE(std::ssize(batch) == problem.batch_size());
      REQUIRE(sampler_labels::all_differ(batch));
      if (coreset != Coreset::full_greedy) REQUIRE(sampler_labels::side_by_side(problem, batch));
    }
  }
}

TEST_CASE("coreset_sampler's batches are the coreset of the pool that was looked at") {
  // Four far corners with ten samples each at the same place and of one class each: every coreset of 4 that is not read in another
  // pool has one of each corner, random ones with chance 10^4·4!/(40·39·38·37) = 0.11.
  std::vector<std::int64_t> labels;
  auto features = torch::zeros({40, 2});
  for (std::int64_t i = 0; i < 40; ++i) {
    labels.push_back(i / 10);
    features[i][0] = i / 10 % 2 == 0 ? -5.0F : 5.0F;
    features[i][1] = i / 20 == 0 ? -5.0F : 5.0F;
  }
  CoresetSampler sampler(labels, {.batch_size = 8, .samples_per_class = 2, .pool_size = 40}, Generator(1));
  sampler.refresh(features);
  for (std::int64_t epoch = 0; epoch < 10; ++epoch) {
    sampler.start_epoch(epoch);
    for (const auto& batch : epoch_of(sampler, epoch)) {
      std::set<std::int64_t> corners;
      for (const auto index : batch) corners.insert(label_of(labels, index));
      REQUIRE(corners.size() == 4);
    }
  }
}

TEST_CASE("coreset_sampler full_greedy ends with a positive of one of the others") {
  const auto labels = labels_of(std::vector<std::int64_t>(20, 2));
  CoresetSampler sampler(labels, {.batch_size = 6, .pool_size = 30, .coreset = Coreset::full_greedy}, Generator(2));
  Generator generator(3);
  sampler.refresh(generator.normal({40, 2}));
  for (std::int64_t epoch = 0; epoch < 20; ++epoch) {
    sampler.start_epoch(epoch);
    for (const auto& batch : epoch_of(sampler, epoch)) {
      const auto last = label_of(labels, batch.back());
      REQUIRE(std::any_of(batch.begin(), batch.end() - 1, [&](auto index) { return label_of(labels, index) == last; }));
    }
  }
  // Without classes of two samples the last is any other.
  CoresetSampler single({0, 1, 2, 3}, {.batch_size = 4, .pool_size = 4, .coreset = Coreset::full_greedy}, Generator(4));
  single.refresh(torch::arange(4, torch::kFloat32).unsqueeze(1));
  single.start_epoch(0);
  const auto batch = single.batch(0, 0);
  CHECK(std::set(batch.begin(), batch.end()).size() == 4);
  CoresetSampler one({0, 0}, {.batch_size = 1, .pool_size = 1, .coreset = Coreset::full_greedy}, Generator(5));
  one.refresh(torch::zeros({2, 1}));
  one.start_epoch(0);
  CHECK(one.batch(0, 1).size() == 1);
}

TEST_CASE("coreset_sampler lists small classes and refuses what it cannot do") {
  const auto labels = labels_of({4, 1, 4});
  const diva::CoresetSamplerOptions options{.batch_size = 4, .samples_per_class = 2};
  CHECK(CoresetSampler(labels, options, Generator(0)).excluded_classes() == std::vector<std::int64_t>{1});
  auto bad = options;
  bad.coreset = Coreset::full_greedy;
  CHECK(CoresetSampler(labels, bad, Generator(0)).excluded_classes().empty());
  bad.batch_size = 5;
  CHECK_NOTHROW(CoresetSampler(labels, bad, Generator(0)));
  bad.coreset = Coreset::d2;
  CHECK_THROWS_AS(CoresetSampler(labels, bad, Generator(0)), diva::OptionError);
  bad = options;
  bad.pool_size = 1;
  CHECK_THROWS_AS(CoresetSampler(labels, bad, Generator(0)), diva::OptionError);
  bad = options;
  bad.batch_size = 10;
  CHECK_THROWS_AS(CoresetSampler(labels, bad, Generator(0)), diva::DataError);
  bad = options;
  bad.lambda = -1;
  CHECK_THROWS_AS(CoresetSampler(labels, bad, Generator(0)), diva::OptionError);
  bad = options;
  bad.greedy.limit = -1;
  CHECK_THROWS_AS(CoresetSampler(labels, bad, Generator(0)), diva::OptionError);
  CHECK_THROWS_AS(CoresetSampler({}, options, Generator(0)), diva::DataError);
}
