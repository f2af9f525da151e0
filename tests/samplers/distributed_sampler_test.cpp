#include "support/catch.hpp"
#include "support/sampler_labels.hpp"

#include <diva/core/error.hpp>
#include <diva/samplers/class_random_sampler.hpp>
#include <diva/samplers/coreset_sampler.hpp>
#include <diva/samplers/distributed_sampler.hpp>
#include <diva/samplers/registry.hpp>

using diva::DistributedSampler;
using diva::Generator;
using sampler_labels::labels_of;

namespace {

const auto labels = labels_of(std::vector<std::int64_t>(12, 9));

// Data with which every registered sampler can be made.
diva::SamplerData data() {
  diva::SamplerData data{.labels = labels};
  for (const auto label : labels) data.categories.push_back(label / 6);
  data.criterion = [](const torch::Tensor& features, const torch::Tensor&, Generator&) { return features.sum().item<double>(); };
  data.hardness = [](const torch::Tensor& features, const torch::Tensor&, Generator&) { return features.abs().sum(1); };
  return data;
}

std::unique_ptr<diva::Sampler> made(const std::string& name) {
  return diva::make_sampler({.batch_size = 24, .samples_per_class = 2, .name = name}, data(), Generator(5));
}

}  // namespace

TEST_CASE("rank_share cuts a batch into runs whose lengths differ by at most one and that make it up again") {
  CHECK(diva::rank_share({1, 2, 3, 4, 5, 6, 7}, 0, 3) == std::vector<std::int64_t>{1, 2, 3});
  CHECK(diva::rank_share({1, 2, 3, 4, 5, 6, 7}, 1, 3) == std::vector<std::int64_t>{4, 5});
  CHECK(diva::rank_share({1, 2, 3, 4, 5, 6, 7}, 2, 3) == std::vector<std::int64_t>{6, 7});
  CHECK(diva::rank_share({}, 1, 3).empty());
  for (std::int64_t size = 0; size < 20; ++size) {
    std::vector<std::int64_t> batch;
    for (std::int64_t i = 0; i < size; ++i) batch.push_back(7 * i);
    for (std::int64_t world = 1; world < 9; ++world) {
      std::vector<std::int64_t> together;
      for (std::int64_t rank = 0; rank < world; ++rank) {
        const auto share = diva::rank_share(batch, rank, world);
        REQUIRE((std::ssize(share) == size / world || std::ssize(share) == (size + world - 1) / world));
        together.insert(together.end(), share.begin(), share.end());
      }
      REQUIRE(together == batch);
    }
  }
  CHECK_THROWS_AS(diva::rank_share({1}, 2, 2), diva::OptionError);
  CHECK_THROWS_AS(diva::rank_share({1}, -1, 2), diva::OptionError);
  CHECK_THROWS_AS(diva::rank_share({1}, 0, 0), diva::OptionError);
}

TEST_CASE("every registered sampler, split over processes, loses and repeats no sample of any batch") {
  Generator generator(1);
  const auto features = generator.normal({std::ssize(labels), 5});
  for (const auto& name : diva::sampler_names()) {
    INFO(name);
    auto whole = made(name);
    if (whole->needs_features(0)) whole->refresh(features);
    whole->start_epoch(0);
    for (const std::int64_t world : {1, 3, 5}) {
      std::vector<std::unique_ptr<DistributedSampler>> ranks;
      for (std::int64_t rank = 0; rank < world; ++rank) {
        ranks.push_back(std::make_unique<DistributedSampler>(made(name), rank, world));
        auto& sampler = *ranks.back();
        REQUIRE(sampler.needs_features(0) == made(name)->needs_features(0));
        if (sampler.needs_features(0)) sampler.refresh(features);
        sampler.start_epoch(0);
        REQUIRE(sampler.batches_per_epoch() == whole->batches_per_epoch());
      }
      for (std::int64_t i = 0; i < whole->batches_per_epoch(); ++i) {
        std::vector<std::int64_t> together;
        for (const auto& sampler : ranks) {
          const auto share = sampler->batch(0, i);
          REQUIRE(std::ssize(share) == sampler->batch_size());
          together.insert(together.end(), share.begin(), share.end());
        }
        REQUIRE(together == whole->batch(0, i));
      }
    }
  }
}

TEST_CASE("distributed_sampler passes features and state on, so that one process's checkpoint serves another's") {
  Generator generator(2);
  const auto features = generator.normal({std::ssize(labels), 5});
  const auto make = [&](std::int64_t rank) { return DistributedSampler(made("greedy_coreset"), rank, 2); };
  auto first = make(0), second = make(1);
  first.refresh(features);
  first.start_epoch(0);
  CHECK(first.takes_updates());
  first.update(torch::tensor({3}, torch::kInt64), torch::full({1, 5}, 9.0));
  second.restore(first.state());
  second.start_epoch(1);
  auto expected = made("greedy_coreset");
  auto moved = features.clone();
  moved[3].fill_(9.0);
  expected->refresh(moved);
  expected->start_epoch(1);
  const auto batch = expected->batch(1, 0);
  CHECK(second.batch(1, 0) == std::vector<std::int64_t>(batch.begin() + 12, batch.end()));
}

TEST_CASE("distributed_sampler refuses ranks that are none, and more processes than samples in a batch") {
  CHECK_THROWS_AS(DistributedSampler(made("class_random"), 2, 2), diva::OptionError);
  CHECK_THROWS_AS(DistributedSampler(made("class_random"), -1, 2), diva::OptionError);
  CHECK_THROWS_AS(DistributedSampler(made("class_random"), 0, 25), diva::OptionError);
  CHECK_THROWS_AS(DistributedSampler(nullptr, 0, 1), diva::OptionError);
}

TEST_CASE("a share of a sampler shows the whole of it") {
  const DistributedSampler sampler(made("m_per_class"), 1, 3);
  CHECK(sampler.whole().batch(0, 0) == made("m_per_class")->batch(0, 0));
  CHECK(sampler.batch(0, 0) == diva::rank_share(sampler.whole().batch(0, 0), 1, 3));
}
