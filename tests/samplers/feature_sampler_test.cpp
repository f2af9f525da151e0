#include "support/catch.hpp"
#include "support/sampler_labels.hpp"

#include <ATen/Parallel.h>
#include <diva/core/error.hpp>
#include <diva/samplers/feature_sampler.hpp>
#include <diva/samplers/registry.hpp>

using diva::Generator;
using sampler_labels::epoch_of;
using sampler_labels::labels_of;

namespace {

// Batches of two: the sample of the largest feature, and a random one.
class Largest : public diva::FeatureSampler {
 public:
  explicit Largest(std::int64_t samples, const diva::FeatureStoreOptions& store = {})
      : FeatureSampler(samples, store, Generator(3)) {
    batch_size_ = 2;
    batches_per_epoch_ = 4;
  }

 private:
  std::vector<std::int64_t> plan(const torch::Tensor& features, Generator generator) const override {
    return plan_batches(generator, [&](Generator& own) -> std::vector<std::int64_t> {
      return {features.flatten().argmax().item<std::int64_t>(), own.below(features.size(0))};
    });
  }
};

torch::Tensor column(std::vector<float> values) { return torch::tensor(values).unsqueeze(1); }

}  // namespace

TEST_CASE("feature_sampler plans an epoch from the features stored when it starts") {
  Largest sampler(3);
  CHECK(sampler.needs_features(0));
  CHECK_THROWS_AS(sampler.start_epoch(0), diva::DataError);
  sampler.refresh(column({1, 3, 2}));
  CHECK_FALSE(sampler.needs_features(0));
  CHECK_THROWS_AS(sampler.batch(0, 0), diva::OptionError);  // not started
  sampler.start_epoch(0);
  const auto first = epoch_of(sampler, 0);
  for (const auto& batch : first) CHECK(batch[0] == 1);
  sampler.update(torch::tensor({2}, torch::kInt64), column({9}));
  CHECK(epoch_of(sampler, 0) == first);
  sampler.start_epoch(0);  // is planned already
  CHECK(epoch_of(sampler, 0) == first);
  sampler.start_epoch(1);
  for (const auto& batch : epoch_of(sampler, 1)) CHECK(batch[0] == 2);
  CHECK_THROWS_AS(sampler.batch(0, 0), diva::OptionError);
  CHECK_THROWS_AS(sampler.start_epoch(-1), diva::OptionError);
}

TEST_CASE("feature_sampler asks for features before the first epoch, or before each, and takes updates or not") {
  Largest once(2), always(2, {.refresh = true}), fixed(2, {.update = false});
  for (auto* sampler : {&once, &always, &fixed}) {
    sampler->refresh(column({1, 2}));
    sampler->start_epoch(0);
    CHECK_FALSE(sampler->needs_features(0));
  }
  CHECK_FALSE(once.needs_features(1));
  CHECK(always.needs_features(1));
  CHECK(once.takes_updates());
  CHECK_FALSE(fixed.takes_updates());
  fixed.update(torch::tensor({0}, torch::kInt64), column({5}));
  CHECK(torch::equal(fixed.store().features(), column({1, 2})));
}

TEST_CASE("feature_sampler restored in the middle of an epoch has its plan and the features that came since") {
  for (const bool refresh : {false, true}) {
    Largest sampler(3, {.refresh = refresh}), other(3, {.refresh = refresh});
    other.restore(sampler.state());  // nothing yet
    CHECK(other.needs_features(0));
    sampler.refresh(column({1, 3, 2}));
    sampler.start_epoch(4);
    sampler.update(torch::tensor({0}, torch::kInt64), column({8}));
    other.restore(sampler.state());
    CHECK_FALSE(other.needs_features(4));
    other.start_epoch(4);
    CHECK(epoch_of(other, 4) == epoch_of(sampler, 4));
    CHECK(other.needs_features(5) == refresh);
    if (refresh) continue;
    sampler.start_epoch(5);
    other.start_epoch(5);
    CHECK(epoch_of(other, 5) == epoch_of(sampler, 5));
    CHECK(other.batch(5, 0)[0] == 0);
  }
}

TEST_CASE("feature_sampler refuses a state of another data set or batch, and stays as it was") {
  Largest sampler(3), smaller(2);
  smaller.refresh(column({1, 2}));
  smaller.start_epoch(0);
  sampler.refresh(column({1, 3, 2}));
  sampler.start_epoch(0);
  const auto before = epoch_of(sampler);
  CHECK_THROWS_AS(sampler.restore(smaller.state()), diva::DataError);
  auto state = sampler.state();
  state.put("plan", torch::zeros({3, 2}, torch::kInt64));
  CHECK_THROWS_AS(sampler.restore(state), diva::ShapeError);
  state.put("plan", torch::full({4, 2}, 3, torch::kInt64));
  CHECK_THROWS_AS(sampler.restore(state), diva::DataError);
  CHECK_THROWS_AS(sampler.restore({}), diva::DataError);
  CHECK(epoch_of(sampler) == before);
}

TEST_CASE("every registered feature sampler plans the same batches whatever the number of threads, and others with another seed") {
  const auto labels = labels_of(std::vector<std::int64_t>(10, 6));
  diva::SamplerData data{.labels = labels, .categories = std::vector<std::int64_t>(labels.size(), 0)};
  data.criterion = [](const torch::Tensor& features, const torch::Tensor&, Generator& generator) {
    return features.matmul(features.t()).sum().item<double>() + generator.uniform();
  };
  data.hardness = [](const torch::Tensor& features, const torch::Tensor&, Generator&) { return features.square().sum(1); };
  Generator generator(8);
  const auto features = generator.normal({std::ssize(labels), 16});
  const auto threads = at::get_num_threads();
  std::int64_t tried = 0;
  for (const auto& name : diva::sampler_names()) {
    if (name.find("ategor") != std::string::npos || name.find("ierarch") != std::string::npos) continue;  // one category only
    if (!diva::make_sampler({.batch_size = 12, .name = name}, data, generator)->needs_features(0)) continue;
    ++tried;
    INFO(name);
    const auto planned = [&](int count, std::uint64_t seed) {
      at::set_num_threads(count);
      auto sampler = diva::make_sampler({.batch_size = 12, .name = name}, data, Generator(seed));
      sampler->refresh(features);
      sampler->start_epoch(2);
      return epoch_of(*sampler, 2);
    };
    const auto one = planned(1, 1);
    CHECK(planned(1, 2) != one);
    CHECK(planned(3, 1) == one);
  }
  CHECK(tried == 10);
  at::set_num_threads(threads);
}
