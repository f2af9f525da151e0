#include "support/triplet_checks.hpp"

#include <diva/core/error.hpp>
#include <diva/miners/parametric.hpp>

#include <cmath>

using diva::SamplingStart;

namespace {

// On a line: anchor 0 and its positive at 0; negatives at 0.05 (below the bins), 0.3, 0.6 and 5 (beyond them).
const auto x = torch::tensor({{0.0}, {0.0}, {0.05}, {0.3}, {0.6}, {5.0}}, torch::kFloat64);
const auto labels = torch::tensor({0, 0, 1, 2, 3, 4}, torch::kInt64);

// Shares of anchor 0's negatives.
std::vector<double> shares(const diva::ParametricMiner& miner, int draws = 4000) {
  diva::Generator generator(5);
  std::vector<double> result(6, 0);
  for (int i = 0; i < draws; ++i) {
    result[static_cast<std::size_t>(miner({x, labels}, generator).negatives[0].item<std::int64_t>())] += 1.0 / draws;
  }
  return result;
}

}  // namespace

TEST_CASE("parametric draws negatives by the table of their distance's bin") {
  // Bins [0.1, 0.5] and (0.5, 0.9] of weights 3/4 and 1/4. 0.05 and 0.3 count to the first, 0.6 and 5 to the second: 3/8 3/8 1/8
  // 1/8.
  diva::ParametricMiner miner({.bins = 2, .lower = 0.1, .upper = 0.9, .start = SamplingStart::flat});
  miner.adjust(torch::tensor({3.0, 1.0}));
  CHECK(torch::allclose(miner.distribution(), torch::tensor({0.75, 0.25}, torch::kFloat64)));
  const auto drawn = shares(miner);
  CHECK(drawn[0] + drawn[1] == 0);
  for (const std::size_t near : {2, 3}) CHECK(std::abs(drawn[near] - 0.375) < 0.04);  // 5 sd of a binomial(4000, 3/8)
  for (const std::size_t far : {4, 5}) CHECK(std::abs(drawn[far] - 0.125) < 0.03);
}

TEST_CASE("parametric starts as its options say") {
  // Centres of the bins 0.125, 0.375, 0.625, 0.875.
  const auto start = [](SamplingStart kind) {
    return diva::ParametricMiner({.bins = 4, .lower = 0, .upper = 1, .start = kind, .start_center = 0.5, .start_width = 0.2})
        .distribution();
  };
  CHECK(torch::allclose(start(SamplingStart::flat), torch::full({4}, 0.25, torch::kFloat64)));
  CHECK(torch::allclose(start(SamplingStart::window), torch::tensor({0.0, 0.5, 0.5, 0.0}, torch::kFloat64)));
  const double inner = std::exp(-0.125 * 0.125 / 0.08), outer = std::exp(-0.375 * 0.375 / 0.08), sum = 2 * (inner + outer);
  CHECK(torch::allclose(start(SamplingStart::normal), torch::tensor({outer, inner, inner, outer}, torch::kFloat64) / sum));
}

TEST_CASE("parametric with self-regularisation draws negatives from positives and the anchor itself") {
  const diva::ParametricMiner miner({.bins = 1, .start = SamplingStart::flat, .include_positives = true, .include_anchor = true});
  const auto drawn = shares(miner);
  for (const double share : drawn) CHECK(std::abs(share - 1.0 / 6) < 0.03);  // one bin: all six alike
  diva::Generator generator(6);
  bool itself = false, other = false;
  for (int i = 0; i < 60; ++i) {
    const auto p = miner({x, labels}, generator).positives[0].item<std::int64_t>();
    REQUIRE((p == 0 || p == 1));
    itself = itself || p == 0;
    other = other || p == 1;
  }
  CHECK(itself);
  CHECK(other);
}

TEST_CASE("parametric obeys the labels on every kind of batch") {
  triplet_checks::obey_labels([miner = diva::ParametricMiner()](auto& batch, auto& generator) { return miner(batch, generator); });
}

TEST_CASE("parametric goes on from its state, and its weights stay finite") {
  diva::ParametricMiner miner({.bins = 3}), other({.bins = 3});
  for (int i = 0; i < 500; ++i) miner.adjust(torch::tensor({0.5, 1.0, 1.5}));
  CHECK(miner.distribution().isfinite().all().item<bool>());
  CHECK(miner.distribution()[2].item<double>() > 0.999);
  other.restore(miner.state());
  CHECK(torch::equal(other.distribution(), miner.distribution()));
  diva::Generator one(7), two(7);
  CHECK(torch::equal(miner({x, labels}, one).negatives, other({x, labels}, two).negatives));
  CHECK_THROWS_AS(diva::ParametricMiner({.bins = 4}).restore(miner.state()), diva::DataError);
}

TEST_CASE("parametric refuses factors and limits that have no meaning") {
  diva::ParametricMiner miner({.bins = 2});
  CHECK_THROWS_AS(miner.adjust(torch::tensor({1.0, 0.0})), diva::DataError);
  CHECK_THROWS_AS(miner.adjust(torch::tensor({1.0})), diva::ShapeError);
  CHECK_THROWS_AS(miner.adjust(torch::tensor({1.0, std::nan("")})), diva::DataError);
  CHECK_THROWS_AS(diva::ParametricMiner({.lower = 1, .upper = 1}), diva::OptionError);
  CHECK_THROWS_AS(diva::ParametricMiner({.bins = 0}), diva::OptionError);
}

TEST_CASE("a parametric miner tells the options that it was made of") {
  CHECK(diva::ParametricMiner({.bins = 7, .upper = 1.25}).options().bins == 7);
  CHECK(diva::ParametricMiner({.bins = 7, .upper = 1.25}).options().upper == 1.25);
}
