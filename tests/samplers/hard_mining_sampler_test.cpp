#include "support/catch.hpp"
#include "support/sampler_labels.hpp"

#include <diva/core/error.hpp>
#include <diva/samplers/hard_mining_sampler.hpp>

#include <limits>
#include <map>
#include <set>

using diva::Generator;
using diva::HardMiningSampler;
using sampler_labels::epoch_of;

namespace {

torch::Tensor column(std::vector<float> values) { return torch::tensor(values).unsqueeze(1); }
torch::Tensor by_feature(const torch::Tensor& features, const torch::Tensor&, Generator&) { return features.flatten(); }

}  // namespace

TEST_CASE("occurrence_weights counts places in tuples as shares of the most frequent") {
  // 0 occurs twice, 1 four times, 3 once; 2 and 4 never.
  const auto weights = diva::occurrence_weights(
      {torch::tensor({0, 1, 1}, torch::kInt64), torch::tensor({1, 3, 0}, torch::kInt64), torch::tensor({1}, torch::kInt64)}, 5);
  CHECK(torch::equal(weights, torch::tensor({0.5, 1.0, 0.0, 0.25, 0.0}, torch::kFloat64)));
  CHECK(torch::equal(diva::occurrence_weights({}, 2), torch::zeros({2}, torch::kFloat64)));
  CHECK(diva::occurrence_weights({}, 0).numel() == 0);
  CHECK_THROWS_AS(diva::occurrence_weights({torch::tensor({2}, torch::kInt64)}, 2), diva::DataError);
  CHECK_THROWS_AS(diva::occurrence_weights({}, -1), diva::OptionError);
}

TEST_CASE("hard_mining_sampler draws samples in proportion to their hardness") {
  // Batches of one of four samples with weights 0, 1, 2, 5: shares 0, 1/8, 1/4, 5/8 of 4000 draws; five deviations are under 160.
  HardMiningSampler sampler({0, 0, 1, 1}, by_feature, {.batch_size = 1}, Generator(1));
  sampler.refresh(column({0, 1, 2, 5}));
  std::map<std::int64_t, std::int64_t> counts;
  for (std::int64_t epoch = 0; epoch < 1000; ++epoch) {
    sampler.start_epoch(epoch);
    for (const auto& batch : epoch_of(sampler, epoch)) ++counts[batch[0]];
  }
  CHECK(counts.count(0) == 0);
  CHECK(std::abs(counts[1] - 500) < 105);
  CHECK(std::abs(counts[2] - 1000) < 137);
  CHECK(std::abs(counts[3] - 2500) < 154);
}

TEST_CASE("hard_mining_sampler holds no sample twice and fills up with others where too few are hard") {
  HardMiningSampler sampler(std::vector<std::int64_t>(9, 0), by_feature, {.batch_size = 4}, Generator(2));
  sampler.refresh(column({0, 3, 0, 0, 1, 0, 0, 0, 0}));
  std::set<std::int64_t> fillers;
  for (std::int64_t epoch = 0; epoch < 50; ++epoch) {
    sampler.start_epoch(epoch);
    for (const auto& batch : epoch_of(sampler, epoch)) {
      const std::set<std::int64_t> different(batch.begin(), batch.end());
      REQUIRE(different.size() == 4);
      REQUIRE(different.count(1) == 1);
      REQUIRE(different.count(4) == 1);
      fillers.insert(batch.begin() + 2, batch.end());
    }
  }
  CHECK(fillers.size() == 7);
}

TEST_CASE("hard_mining_sampler mines a random subset with its own labels, another one each epoch") {
  const std::vector<std::int64_t> labels = {5, 6, 7, 8, 9, 10};
  std::set<std::vector<std::int64_t>> subsets;
  const auto hardness = [&](const torch::Tensor& features, const torch::Tensor& own, Generator&) {
    REQUIRE(features.size(0) == 4);
    std::vector<std::int64_t> subset;
    for (std::int64_t i = 0; i < 4; ++i) {
      REQUIRE(own[i].item<std::int64_t>() == 5 + static_cast<std::int64_t>(features[i].item<float>()));
      subset.push_back(own[i].item<std::int64_t>());
    }
    subsets.insert(subset);
    return torch::ones({4});
  };
  HardMiningSampler sampler(labels, hardness, {.batch_size = 2, .subset_size = 4}, Generator(3));
  sampler.refresh(column({0, 1, 2, 3, 4, 5}));
  CHECK(sampler.batches_per_epoch() == 2);
  for (std::int64_t epoch = 0; epoch < 20; ++epoch) {
    sampler.start_epoch(epoch);
    const auto& subset = *subsets.begin();
    if (epoch > 0) continue;
    for (const auto& batch : epoch_of(sampler, epoch)) {
      for (const auto index : batch) CHECK(std::count(subset.begin(), subset.end(), 5 + index) == 1);
    }
  }
  CHECK(subsets.size() > 10);
}

TEST_CASE("hard_mining_sampler refuses missing functions, wrong weights and sizes that do not fit") {
  const std::vector<std::int64_t> labels(4, 0);
  CHECK_THROWS_AS(HardMiningSampler(labels, {}, {.batch_size = 2}, Generator(0)), diva::OptionError);
  CHECK_THROWS_AS(HardMiningSampler(labels, by_feature, {.batch_size = 5}, Generator(0)), diva::DataError);
  CHECK_THROWS_AS(HardMiningSampler({}, by_feature, {.batch_size = 1}, Generator(0)), diva::DataError);
  CHECK_THROWS_AS(HardMiningSampler(labels, by_feature, {.batch_size = 3, .subset_size = 2}, Generator(0)), diva::OptionError);
  const auto planned_with = [&](const torch::Tensor& weights) {
    HardMiningSampler sampler(
        labels, [&](const auto&, const auto&, Generator&) { return weights; }, {.batch_size = 2}, Generator(0));
    sampler.refresh(column({1, 2, 3, 4}));
    sampler.start_epoch(0);
  };
  CHECK_NOTHROW(planned_with(torch::ones({4})));
  CHECK_THROWS_AS(planned_with(torch::ones({3})), diva::DataError);
  CHECK_THROWS_AS(planned_with(torch::Tensor()), diva::DataError);
  CHECK_THROWS_AS(planned_with(torch::full({4}, -1.0)), diva::DataError);
  CHECK_THROWS_AS(planned_with(torch::full({4}, std::numeric_limits<double>::infinity())), diva::DataError);
  CHECK_THROWS_AS(planned_with(torch::full({4}, std::numeric_limits<double>::quiet_NaN())), diva::DataError);
}
