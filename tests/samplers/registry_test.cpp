#include "support/catch.hpp"
#include "support/sampler_labels.hpp"

#include <diva/core/error.hpp>
#include <diva/samplers/category_sampler.hpp>
#include <diva/samplers/class_random_sampler.hpp>
#include <diva/samplers/coreset_sampler.hpp>
#include <diva/samplers/registry.hpp>

#include <set>

using Catch::Matchers::Contains;
using diva::Generator;
using diva::make_sampler;
using sampler_labels::epoch_of;
using sampler_labels::labels_of;

namespace {

diva::SamplerData data() {
  diva::SamplerData data{.labels = labels_of(std::vector<std::int64_t>(8, 6))};
  for (const auto label : data.labels) data.categories.push_back(label / 3);
  data.criterion = [](const torch::Tensor&, const torch::Tensor&, Generator&) { return 0.0; };
  data.hardness = [](const torch::Tensor& features, const torch::Tensor&, Generator&) { return torch::ones({features.size(0)}); };
  return data;
}

}  // namespace

TEST_CASE("every registered sampler is made from a recipe and gives whole batches of samples of the data, from seed and epoch") {
  const auto all = data();
  Generator generator(1);
  const auto features = generator.normal({std::ssize(all.labels), 3});
  for (const auto& name : diva::sampler_names()) {
    INFO(name);
    const auto epoch = [&](std::uint64_t seed, std::int64_t number) {
      auto sampler = make_sampler({.batch_size = 12, .samples_per_class = 2, .name = name}, all, Generator(seed));
      REQUIRE(sampler->batch_size() == 12);
      REQUIRE(sampler->batches_per_epoch() >= 1);
      if (sampler->needs_features(number)) sampler->refresh(features);
      sampler->start_epoch(number);
      return epoch_of(*sampler, number);
    };
    const auto batches = epoch(1, 1);
    for (const auto& batch : batches) {
      REQUIRE(batch.size() == 12);
      for (const auto index : batch) REQUIRE((index >= 0 && index < std::ssize(all.labels)));
    }
    CHECK(epoch(1, 1) == batches);
    CHECK(epoch(2, 1) != batches);
    CHECK(epoch(1, 2) != batches);
  }
}

TEST_CASE("make_sampler knows the names of the DiVA code and says what each is") {
  const auto names = diva::sampler_names();
  for (const auto* name :
       {"class_random", "random", "full_random", "rrandom", "fid_batchmatch", "spc_fid_batchmatch", "distmoment_batchmatch",
        "disthist_batchmatch", "criterion_batchmatch", "greedy_coreset", "full_greedy_coreset", "d2_coreset"}) {
    CHECK(std::count(names.begin(), names.end(), name) == 1);
  }
  const auto listings = diva::sampler_listings();
  REQUIRE(listings.size() == names.size());
  for (const auto& listing : listings) {
    INFO(listing.name);
    CHECK((listing.summary.alias_of || std::string(listing.summary.formula).size() > 5));
    CHECK_FALSE(listing.options.empty());
  }
}

TEST_CASE("make_sampler makes the same sampler as its constructor") {
  const auto all = data();
  const auto named = make_sampler("class_random", all, R"({"batch_size": 8, "samples_per_class": 4})", Generator(3));
  const diva::ClassRandomSampler direct(all.labels, {.batch_size = 8, .samples_per_class = 4}, Generator(3));
  CHECK(epoch_of(*named, 2) == epoch_of(direct, 2));
  const auto recipe = make_sampler({.batch_size = 8, .samples_per_class = 4}, all, Generator(3));
  CHECK(epoch_of(*recipe, 2) == epoch_of(direct, 2));
  // What the JSON names counts before the sizes of the recipe.
  const auto both =
      make_sampler({.batch_size = 8, .samples_per_class = 4, .options = R"({"samples_per_class": 2})"}, all, Generator(3));
  CHECK(epoch_of(*both) == epoch_of(diva::ClassRandomSampler(all.labels, {.batch_size = 8, .samples_per_class = 2}, Generator(3))));
  const auto distinct = make_sampler("distinct_category", all, R"({"batch_size": 8})", Generator(3));
  const diva::CategorySampler categories(all.labels, all.categories, {.batch_size = 8, .choice = diva::CategoryChoice::distinct},
                                         Generator(3));
  CHECK(epoch_of(*distinct) == epoch_of(categories));
}

TEST_CASE("make_sampler passes nested options on") {
  const auto sampler = make_sampler(
      "greedy_coreset", data(), R"({"batch_size": 8, "greedy": {"measure": "cosine"}, "store": {"update": false}})", Generator(0));
  CHECK_FALSE(sampler->takes_updates());
  const auto* coreset = dynamic_cast<const diva::CoresetSampler*>(sampler.get());
  REQUIRE(coreset);
  CHECK(coreset->options().greedy.measure == diva::CoresetMeasure::cosine);
}

TEST_CASE("make_sampler refuses unknown names and options with the nearest known one, and data that a sampler lacks") {
  const auto all = data();
  CHECK_THROWS_WITH(make_sampler("clas_random", all, "{}", Generator(0)), Contains("class_random"));
  CHECK_THROWS_WITH(make_sampler("class_random", all, R"({"samples_per_clas": 2})", Generator(0)), Contains("samples_per_class"));
  CHECK_THROWS_AS(make_sampler("class_random", all, "{", Generator(0)), diva::OptionError);
  CHECK_THROWS_AS(make_sampler({.batch_size = 0}, all, Generator(0)), diva::OptionError);
  const diva::SamplerData bare{.labels = all.labels};
  CHECK_THROWS_AS(make_sampler("category", bare, R"({"batch_size": 8})", Generator(0)), diva::DataError);
  CHECK_THROWS_AS(make_sampler("hierarchical", bare, R"({"batch_size": 8})", Generator(0)), diva::DataError);
  CHECK_THROWS_AS(make_sampler("hard_mining", bare, R"({"batch_size": 8})", Generator(0)), diva::OptionError);
  CHECK_THROWS_AS(make_sampler("criterion_batchmatch", bare, R"({"batch_size": 8})", Generator(0)), diva::OptionError);
}
