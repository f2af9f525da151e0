#include "support/catch.hpp"
#include "support/sampler_labels.hpp"

#include <diva/core/error.hpp>
#include <diva/samplers/batch_matching_sampler.hpp>
#include <diva/samplers/category_sampler.hpp>
#include <diva/samplers/class_random_sampler.hpp>
#include <diva/samplers/fixed_triplets_sampler.hpp>
#include <diva/samplers/full_random_sampler.hpp>
#include <diva/samplers/hard_mining_sampler.hpp>
#include <diva/samplers/hierarchical_sampler.hpp>
#include <diva/samplers/m_per_class_sampler.hpp>
#include <diva/samplers/random_sampler.hpp>

#include <thread>

using diva::Generator;
using sampler_labels::epoch_of;

TEST_CASE("sampler refuses epochs and batches that do not exist, whichever sampler it is") {
  const diva::FullRandomSampler planned(7, {.batch_size = 2}, Generator(0));
  const diva::RandomSampler drawn(std::vector<std::int64_t>(7, 0), {.batch_size = 2}, Generator(0));
  for (const diva::Sampler* sampler : {static_cast<const diva::Sampler*>(&planned), static_cast<const diva::Sampler*>(&drawn)}) {
    CHECK_THROWS_AS(sampler->batch(-1, 0), diva::OptionError);
    CHECK_THROWS_AS(sampler->batch(0, -1), diva::OptionError);
    CHECK_THROWS_AS(sampler->batch(0, sampler->batches_per_epoch()), diva::OptionError);
    CHECK_NOTHROW(sampler->batch(0, sampler->batches_per_epoch() - 1));
  }
  CHECK_THROWS_WITH(planned.batch(0, 4), "Sampler::batch: index must be in [0, 4), got 4");
}

TEST_CASE("sampler without features needs no calls around its batches and has no state") {
  diva::FullRandomSampler sampler(6, {.batch_size = 2}, Generator(1));
  const auto before = epoch_of(sampler);
  CHECK_FALSE(sampler.needs_features(0));
  CHECK_FALSE(sampler.takes_updates());
  CHECK(sampler.state().tensors.empty());
  CHECK(sampler.state().texts.empty());
  sampler.start_epoch(0);
  sampler.restore({});
  CHECK(epoch_of(sampler) == before);
}

TEST_CASE("sampler that plans an epoch may be shared by threads in different epochs, and so may its copies") {
  const diva::FullRandomSampler sampler(50, {.batch_size = 7}, Generator(2));
  const auto copy = sampler;
  const auto first = epoch_of(sampler, 0), second = epoch_of(copy, 1);
  CHECK(first != second);
  std::vector<int> equal(4, 0);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < equal.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 20; ++round)
        equal[t] += epoch_of(t % 2 == 0 ? sampler : copy, t % 2) == (t % 2 == 0 ? first : second);
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(equal == std::vector<int>(4, 20));
}

TEST_CASE("sampler tells the options that it was made of") {
  const std::vector<std::int64_t> labels = {0, 0, 1, 1, 2, 2, 3, 3}, categories = {0, 0, 0, 0, 1, 1, 1, 1};
  const Generator generator(1);
  CHECK(diva::FullRandomSampler(8, {.batch_size = 3}, generator).options().batch_size == 3);
  CHECK(diva::RandomSampler(labels, {.batch_size = 4, .positive = true}, generator).options().positive);
  CHECK(diva::ClassRandomSampler(labels, {.batch_size = 4}, generator).options().samples_per_class == 2);
  CHECK(diva::MPerClassSampler(labels, {.batch_size = 6, .small_classes = diva::SmallClasses::exclude}, generator)
            .options()
            .small_classes == diva::SmallClasses::exclude);
  CHECK(diva::FixedTripletsSampler(labels, {.batch_size = 3, .triplets = 5}, generator).options().triplets == 5);
  CHECK(diva::CategorySampler(labels, categories, {.batch_size = 8, .choice = diva::CategoryChoice::uniform}, generator)
            .options()
            .choice == diva::CategoryChoice::uniform);
  CHECK(diva::HierarchicalSampler(labels, categories, {.batch_size = 4, .batches_per_combination = 7}, generator)
            .options()
            .batches_per_combination == 7);
  CHECK(diva::BatchMatchingSampler(labels, {.batch_size = 4, .pool_size = 6}, generator).options().pool_size == 6);
  const auto hardness = [](const torch::Tensor& features, const torch::Tensor&, Generator&) {
    return torch::ones({features.size(0)});
  };
  CHECK(diva::HardMiningSampler(labels, hardness, {.batch_size = 4, .subset_size = 6}, generator).options().subset_size == 6);
}

TEST_CASE("sampler that chooses without features lets them pass") {
  std::unique_ptr<diva::Sampler> sampler =
      std::make_unique<diva::FullRandomSampler>(6, diva::FullRandomSamplerOptions{.batch_size = 2}, Generator(1));
  const auto before = epoch_of(*sampler);
  sampler->refresh(torch::ones({6, 3}));
  sampler->update(torch::tensor({0, 5}), torch::zeros({2, 3}));
  CHECK(epoch_of(*sampler) == before);
}
