#include "support/catch.hpp"
#include "support/sampler_labels.hpp"

#include <diva/core/error.hpp>
#include <diva/samplers/hierarchical_sampler.hpp>

#include <map>
#include <set>

using diva::Generator;
using diva::HierarchicalSampler;
using sampler_labels::epoch_of;
using sampler_labels::label_of;
using sampler_labels::labels_of;

TEST_CASE("hierarchical_sampler makes the same number of batches of every choice of categories, in random order") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Generator generator(seed);
    const auto S = 1 + generator.below(3), L = 1 + generator.below(2), n = 1 + generator.below(3), each = 1 + generator.below(3);
    std::vector<std::int64_t> of_class, sizes;
    const auto count = S + generator.below(3);
    for (std::int64_t category = 0; category < count; ++category) {
      for (std::int64_t c = 0; c < L + generator.below(3); ++c) {
        of_class.push_back(category);
        sizes.push_back(n + generator.below(3));
      }
      while (std::count(of_class.begin(), of_class.end(), category) < L) {
        of_class.push_back(category);
        sizes.push_back(n);
      }
    }
    const auto labels = labels_of(sizes);
    std::vector<std::int64_t> categories;
    for (const auto label : labels) categories.push_back(of_class[static_cast<std::size_t>(label)]);
    const HierarchicalSampler sampler(
        labels, categories,
        {.batch_size = S * L * n, .samples_per_class = n, .categories_per_batch = S, .batches_per_combination = each},
        generator.fork(1));
    INFO("seed " << seed);
    std::map<std::set<std::int64_t>, std::int64_t> combinations;
    for (const auto& batch : epoch_of(sampler)) {
      REQUIRE(std::ssize(std::set(batch.begin(), batch.end())) == S * L * n);
      std::map<std::int64_t, std::map<std::int64_t, std::int64_t>> counts;
      for (const auto index : batch) ++counts[label_of(categories, index)][label_of(labels, index)];
      std::set<std::int64_t> combination;
      for (const auto& [category, of_classes] : counts) {
        combination.insert(category);
        REQUIRE(std::ssize(of_classes) == L);
        for (const auto& [label, number] : of_classes) REQUIRE(number == n);
      }
      REQUIRE(std::ssize(combination) == S);
      ++combinations[combination];
    }
    std::int64_t choices = 1;  // count choose S
    for (std::int64_t i = 0; i < S; ++i) choices = choices * (count - i) / (i + 1);
    REQUIRE(std::ssize(combinations) == choices);
    for (const auto& [combination, number] : combinations) REQUIRE(number == each);
  }
}

TEST_CASE("hierarchical_sampler changes its order and its samples with the epoch, and not otherwise") {
  const auto labels = labels_of({4, 4, 4, 4});
  std::vector<std::int64_t> categories;
  for (const auto label : labels) categories.push_back(label / 2);
  const diva::HierarchicalSamplerOptions options{.batch_size = 4, .samples_per_class = 2};
  const HierarchicalSampler one(labels, categories, options, Generator(1)), same(labels, categories, options, Generator(1));
  CHECK(one.batches_per_epoch() == 4);
  CHECK(epoch_of(one, 1) == epoch_of(same, 1));
  CHECK(epoch_of(one, 1) != epoch_of(one, 2));
}

TEST_CASE("hierarchical_sampler refuses what it cannot do") {
  const auto labels = labels_of(std::vector<std::int64_t>(60, 1));
  std::vector<std::int64_t> categories = labels;
  // 60 choose 30 is about 10^17 batches.
  CHECK_THROWS_AS(
      HierarchicalSampler(labels, categories, {.batch_size = 30, .samples_per_class = 1, .categories_per_batch = 30}, Generator(0)),
      diva::OptionError);
  CHECK_THROWS_AS(HierarchicalSampler(labels, categories, {.batch_size = 4, .samples_per_class = 2}, Generator(0)),
                  diva::DataError);
  CHECK_THROWS_AS(HierarchicalSampler(labels, categories, {.batch_size = 3, .samples_per_class = 1}, Generator(0)),
                  diva::OptionError);
  CHECK_THROWS_AS(HierarchicalSampler(labels, {}, {.batch_size = 2, .samples_per_class = 1}, Generator(0)), diva::DataError);
}
