#include "support/catch.hpp"
#include "support/sampler_labels.hpp"

#include <diva/core/error.hpp>
#include <diva/samplers/batch_matching.hpp>
#include <diva/samplers/batch_matching_sampler.hpp>

#include <limits>
#include <map>
#include <set>

using diva::BatchMatching;
using diva::BatchMatchingSampler;
using diva::Generator;
using sampler_labels::epoch_of;
using sampler_labels::label_of;
using sampler_labels::labels_of;

namespace {

double sum_of(const torch::Tensor& features, const torch::Tensor&, Generator&) { return features.sum().item<double>(); }

// Features of the samples of a batch.
torch::Tensor rows(const torch::Tensor& features, const std::vector<std::int64_t>& batch) {
  return features.index_select(0, torch::tensor(batch, torch::kInt64));
}

}  // namespace

TEST_CASE("batch_matching_sampler gives n samples of a class side by side and none twice, for many seeds and every matching") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Generator generator(seed);
    const auto matching = static_cast<BatchMatching>(seed % 5);
    const auto problem = sampler_labels::random_problem(generator);
    BatchMatchingSampler sampler(problem.labels,
                                 {.batch_size = problem.batch_size(),
                                  .samples_per_class = problem.samples_per_class,
                                  .pool_size = problem.batch_size() + generator.below(30),
                                  .candidates = 1 + generator.below(4),
                                  .projection_dim = seed % 2 == 0 ? -1 : 2,
                                  .matching = matching},
                                 generator.fork(1), sum_of);
    sampler.refresh(generator.normal({std::ssize(problem.labels), 3}));
    sampler.start_epoch(0);
    INFO("seed " << seed);
    REQUIRE(sampler.batches_per_epoch() == std::ssize(problem.labels) / problem.batch_size());
    for (const auto& batch : epoch_of(sampler)) {
      REQUIRE(std::ssize(batch) == problem.batch_size());
      REQUIRE(sampler_labels::all_differ(batch));
      REQUIRE(sampler_labels::side_by_side(problem, batch));
      std::set<std::int64_t> classes;
      for (const auto sample : batch) classes.insert(label_of(problem.labels, sample));
      if (matching != BatchMatching::frechet) REQUIRE(std::ssize(classes) == problem.classes);
    }
  }
}

TEST_CASE("batch_matching_sampler chooses batches that are nearer to all the data than random ones") {
  // 10 classes of 20 samples, each class around its own point. Pools are all of the data, and more candidates come nearer.
  const auto labels = labels_of(std::vector<std::int64_t>(10, 20));
  Generator generator(3);
  const auto centres = 2 * generator.normal({10, 2});
  const auto features = centres.index_select(0, torch::tensor(labels, torch::kInt64)) + generator.normal({200, 2});
  const std::map<BatchMatching, double (*)(const torch::Tensor&, const torch::Tensor&)> costs = {
      {BatchMatching::class_frechet, diva::frechet_distance},
      {BatchMatching::distance_moments, diva::distance_moment_cost},
      {BatchMatching::distance_histogram, diva::distance_histogram_cost}};
  for (const auto& [matching, cost] : costs) {
    const auto mean_cost = [&, matching = matching, cost = cost](std::int64_t candidates) {
      BatchMatchingSampler sampler(
          labels, {.batch_size = 8, .samples_per_class = 2, .pool_size = 200, .candidates = candidates, .matching = matching},
          Generator(4));
      sampler.refresh(features);
      sampler.start_epoch(0);
      double sum = 0;
      for (const auto& batch : epoch_of(sampler)) sum += cost(features, rows(features, batch));
      return sum / static_cast<double>(sampler.batches_per_epoch());
    };
    INFO(diva::to_string(matching));
    CHECK(mean_cost(10) < 0.8 * mean_cost(1));
    CHECK(mean_cost(100) < mean_cost(10));
  }
}

TEST_CASE("batch_matching_sampler by frechet chooses one sample a group in the pool that it looked at") {
  // One class of 40 on a line, n = 2: the first of each pair is the candidate. The seed reads it as places of another pool, which
  // makes it random; here 100 candidates of 5 are nearer to the data than one is.
  const auto labels = labels_of({40});
  Generator generator(5);
  const auto features = generator.normal({40, 1});
  const auto mean_cost = [&](std::int64_t candidates) {
    double sum = 0;
    BatchMatchingSampler sampler(labels, {.batch_size = 10, .samples_per_class = 2, .pool_size = 20, .candidates = candidates},
                                 Generator(6));
    sampler.refresh(features);
    for (std::int64_t epoch = 0; epoch < 10; ++epoch) {
      sampler.start_epoch(epoch);
      for (const auto& batch : epoch_of(sampler, epoch)) {
        std::vector<std::int64_t> firsts;
        for (std::size_t i = 0; i < batch.size(); i += 2) firsts.push_back(batch[i]);
        sum += diva::frechet_distance(features, rows(features, firsts));
      }
    }
    return sum;
  };
  CHECK(mean_cost(100) < 0.5 * mean_cost(1));
}

TEST_CASE("batch_matching_sampler by a criterion takes the batch with its least value, with the labels of its samples") {
  // The criterion is the sum of the features, which are the samples' numbers: with many candidates, the smallest of each class.
  const auto labels = labels_of({3, 3});  // classes 0 1 0 1 0 1
  const auto criterion = [&](const torch::Tensor& features, const torch::Tensor& own, Generator&) {
    for (std::int64_t i = 0; i < features.size(0); ++i)
      REQUIRE(own[i].item<std::int64_t>() == label_of(labels, static_cast<std::int64_t>(features[i][0].item<float>())));
    return features.sum().item<double>();
  };
  BatchMatchingSampler sampler(
      labels, {.batch_size = 2, .samples_per_class = 1, .pool_size = 6, .candidates = 200, .matching = BatchMatching::criterion},
      Generator(7), criterion);
  sampler.refresh(torch::arange(6, torch::kFloat32).unsqueeze(1));
  sampler.start_epoch(0);
  for (const auto& batch : epoch_of(sampler)) CHECK(std::set(batch.begin(), batch.end()) == std::set<std::int64_t>{0, 1});
}

TEST_CASE("batch_matching_sampler passes a criterion's errors on") {
  const auto planned = [](double value) {
    BatchMatchingSampler sampler({0, 1},
                                 {.batch_size = 2, .samples_per_class = 1, .pool_size = 2, .matching = BatchMatching::criterion},
                                 Generator(0), [value](const torch::Tensor&, const torch::Tensor&, Generator&) { return value; });
    sampler.refresh(torch::zeros({2, 1}));
    sampler.start_epoch(0);
  };
  CHECK_NOTHROW(planned(std::numeric_limits<double>::infinity()));
  CHECK_THROWS_AS(planned(std::numeric_limits<double>::quiet_NaN()), diva::DataError);
}

TEST_CASE("batch_matching_sampler lists small classes and refuses what it cannot do") {
  const auto labels = labels_of({4, 1, 4});
  const diva::BatchMatchingSamplerOptions options{.batch_size = 4, .samples_per_class = 2};
  CHECK(BatchMatchingSampler(labels, options, Generator(0)).excluded_classes() == std::vector<std::int64_t>{1});
  auto bad = options;
  bad.batch_size = 5;
  CHECK_THROWS_AS(BatchMatchingSampler(labels, bad, Generator(0)), diva::OptionError);
  bad = options;
  bad.pool_size = 1;
  CHECK_THROWS_AS(BatchMatchingSampler(labels, bad, Generator(0)), diva::OptionError);
  bad.pool_size = 3;  // enough for single samples, not for whole batches
  CHECK_NOTHROW(BatchMatchingSampler(labels, bad, Generator(0)));
  bad.matching = BatchMatching::class_frechet;
  CHECK_THROWS_AS(BatchMatchingSampler(labels, bad, Generator(0)), diva::OptionError);
  bad = options;
  bad.candidates = 0;
  CHECK_THROWS_AS(BatchMatchingSampler(labels, bad, Generator(0)), diva::OptionError);
  bad = options;
  bad.matching = BatchMatching::criterion;
  CHECK_THROWS_AS(BatchMatchingSampler(labels, bad, Generator(0)), diva::OptionError);
  bad = options;
  bad.batch_size = 10;
  CHECK_THROWS_AS(BatchMatchingSampler(labels, bad, Generator(0)), diva::DataError);
  bad.batch_size = 8;  // four pairs can be drawn, but of two classes only
  CHECK_NOTHROW(BatchMatchingSampler(labels, bad, Generator(0)));
  bad.matching = BatchMatching::distance_moments;
  CHECK_THROWS_AS(BatchMatchingSampler(labels, bad, Generator(0)), diva::DataError);
  CHECK_THROWS_AS(BatchMatchingSampler({}, options, Generator(0)), diva::DataError);
}
