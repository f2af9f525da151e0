#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/samplers/feature_store.hpp>

#include <limits>

using diva::FeatureStore;

namespace {

torch::Tensor column(std::vector<float> values) { return torch::tensor(values).unsqueeze(1); }
torch::Tensor places(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }

}  // namespace

TEST_CASE("feature_store keeps what it was last given of each sample") {
  FeatureStore store(3);
  CHECK_FALSE(store.filled());
  store.refresh(column({1, 2, 3}));
  CHECK(store.filled());
  store.update(places({2, 0}), column({5, 4}).to(torch::kFloat64));
  CHECK(torch::equal(store.features(), column({4, 2, 5})));
  store.update(places({1, 1}), column({6, 7}));  // the last counts
  CHECK(torch::equal(store.features(), column({4, 7, 5})));
  store.update(places({}), torch::empty({0, 1}));
  store.refresh(column({0, 0, 0}));
  CHECK(torch::equal(store.features(), column({0, 0, 0})));
}

TEST_CASE("feature_store with momentum stands ahead of its features") {
  // mu = 0.5, eta = 2. First: s = 0. With f = 4: v = 0.5·0 + 0.5·(4 − 0) = 2, s = 4 + 2·2 = 8.
  // With f = 4 again: v = 0.5·2 + 0.5·(4 − 8) = −1, s = 4 − 2 = 2.
  FeatureStore store(1, {.momentum = 0.5, .learning_rate = 2});
  store.refresh(column({0}));
  CHECK(torch::equal(store.features(), column({0})));
  store.refresh(column({4}));
  CHECK(torch::equal(store.features(), column({8})));
  store.refresh(column({4}));
  CHECK(torch::equal(store.features(), column({2})));
}

TEST_CASE("feature_store does not share memory with what it is given") {
  FeatureStore store(2);
  auto given = column({1, 2});
  store.refresh(given);
  given.fill_(9);
  CHECK(torch::equal(store.features(), column({1, 2})));
  const auto before = store.state().tensor("features").clone();
  diva::State state;
  state.put("features", before);
  store.restore(state);
  store.update(places({0}), column({5}));
  CHECK(torch::equal(before, column({1, 2})));
}

TEST_CASE("feature_store continues from its state, with and without momentum, empty and filled") {
  for (const double momentum : {-1.0, 0.5}) {
    const diva::FeatureStoreOptions options{.momentum = momentum};
    FeatureStore store(2, options), other(2, options);
    other.restore(store.state());
    CHECK_FALSE(other.filled());
    store.refresh(column({1, 2}));
    store.refresh(column({3, 5}));
    other.restore(store.state());
    store.refresh(column({4, 4}));
    other.refresh(column({4, 4}));
    CHECK(torch::equal(store.features(), other.features()));
  }
}

TEST_CASE("feature_store refuses what does not fit, and stays as it was") {
  FeatureStore store(2);
  CHECK_THROWS_AS(store.update(places({0}), column({1})), diva::DataError);
  CHECK_THROWS_AS(store.refresh(column({1})), diva::ShapeError);
  CHECK_THROWS_AS(store.refresh(places({1, 2}).unsqueeze(1)), diva::ShapeError);
  CHECK_THROWS_AS(store.refresh(torch::Tensor()), diva::ShapeError);
  CHECK_THROWS_AS(store.refresh(column({1, std::numeric_limits<float>::quiet_NaN()})), diva::DataError);
  store.refresh(column({1, 2}));
  CHECK_THROWS_AS(store.refresh(torch::zeros({2, 3})), diva::ShapeError);
  CHECK_THROWS_AS(store.update(places({2}), column({1})), diva::DataError);
  CHECK_THROWS_AS(store.update(places({-1}), column({1})), diva::DataError);
  CHECK_THROWS_AS(store.update(places({0, 1}), column({1})), diva::ShapeError);
  CHECK_THROWS_AS(store.update(places({0}), torch::zeros({1, 2})), diva::ShapeError);
  CHECK_THROWS_AS(store.update(places({0}), column({std::numeric_limits<float>::infinity()})), diva::DataError);
  diva::State state;
  state.put("features", torch::zeros({3, 1}));
  CHECK_THROWS_AS(store.restore(state), diva::DataError);
  CHECK(torch::equal(store.features(), column({1, 2})));
  CHECK_THROWS_AS(FeatureStore(0), diva::OptionError);
  CHECK_THROWS_AS(FeatureStore(1, {.momentum = 1}), diva::OptionError);
  CHECK_THROWS_AS(FeatureStore(1, {.learning_rate = -1}), diva::OptionError);
}
