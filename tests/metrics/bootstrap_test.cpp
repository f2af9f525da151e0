#include "support/catch.hpp"

#include <ATen/Parallel.h>
#include <torch/utils.h>
#include <diva/core/error.hpp>
#include <diva/metrics/bootstrap.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

using Catch::Matchers::Contains;
using Catch::Matchers::WithinAbs;
using diva::Average;
using diva::bootstrap_difference;
using diva::bootstrap_mean;
using diva::BootstrapInterval;
using diva::BootstrapOptions;
using diva::ConfidenceInterval;
using diva::Generator;

namespace {

torch::Tensor ids(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }

bool equal(const ConfidenceInterval& a, const ConfidenceInterval& b) {
  return a.value == b.value && a.lower == b.lower && a.upper == b.upper && a.standard_error == b.standard_error;
}

}  // namespace

TEST_CASE("the bootstrap of a mean has the standard error and, for many values, the interval of theory") {
  // Of n values of variance s² (divisor n), resampled means have the standard deviation s / √n exactly.
  Generator generator(1);
  const auto values = generator.normal({400}, torch::kFloat64) * 3 + 5;
  const double mean = values.mean().item<double>(), error = values.std(/*unbiased=*/false).item<double>() / 20;
  for (const auto interval : {BootstrapInterval::bca, BootstrapInterval::percentile}) {
    const auto found = bootstrap_mean(values, generator, {.resamples = 8000, .interval = interval});
    CHECK_THAT(found.value, WithinAbs(mean, 1e-12));
    CHECK_THAT(found.standard_error, WithinAbs(error, 0.02 * error));
    CHECK_THAT(found.lower, WithinAbs(mean - 1.96 * error, 0.12 * error));
    CHECK_THAT(found.upper, WithinAbs(mean + 1.96 * error, 0.12 * error));
  }
  const auto narrow = bootstrap_mean(values, generator, {.confidence = 0.5, .resamples = 8000});
  CHECK_THAT(narrow.upper - narrow.lower, WithinAbs(2 * 0.6745 * error, 0.06 * error));
}

TEST_CASE("all 27 resamples of three values give the interval worked by hand") {
  // Three draws from 0, 0, 3 hold the 3 j times with chances 8/27, 12/27, 6/27, 1/27, and have the mean j. Up to 2: 26/27 = 0.963,
  // so the quantile at 0.975 is 3, and that at 0.025 is 0.
  Generator generator(2);
  const auto values = torch::tensor({0.0, 0.0, 3.0}, torch::kFloat64);
  const auto percentile = bootstrap_mean(values, generator, {.resamples = 8000, .interval = BootstrapInterval::percentile});
  CHECK(percentile.value == 1);
  CHECK(percentile.lower == 0);
  CHECK(percentile.upper == 3);
  CHECK_THAT(percentile.standard_error, WithinAbs(std::sqrt(2.0 / 3), 0.02));
  // At confidence 0.46 percentile's upper end is the quantile at 0.73 < 20/27 = 0.741: 1. bca: below the value 8/27, equal 12/27,
  // so z = Φ⁻¹(14/27) = 0.0465. Without one: 1.5, 1.5, 0; mean minus each −0.5, −0.5, 1, so a = 0.75 / (6 · 1.5^1.5) = 0.068. With
  // Φ⁻¹(0.73) = 0.613 the end is at Φ(0.0465 + 0.659 / (1 − 0.068 · 0.659)) = Φ(0.737) = 0.769 > 0.741: 2.
  CHECK(bootstrap_mean(values, generator, {.confidence = 0.46, .resamples = 8000}).upper == 2);
  CHECK(
      bootstrap_mean(values, generator, {.confidence = 0.46, .resamples = 8000, .interval = BootstrapInterval::percentile}).upper ==
      1);
}

TEST_CASE("bca intervals of a recall hold it as often as they say") {
  // Recalls of 0.95 over 60 queries: three misses expected.
  std::int64_t covered = 0;
  constexpr std::int64_t experiments = 400;
  for (std::int64_t e = 0; e < experiments; ++e) {
    Generator generator(static_cast<std::uint64_t>(e));
    const auto hits = (generator.uniform({60}, torch::kFloat64) < 0.9).to(torch::kFloat64);
    const auto found = bootstrap_mean(hits, generator, {.confidence = 0.9, .resamples = 400});
    covered += found.lower <= 0.9 && 0.9 <= found.upper ? 1 : 0;
  }
  // Five standard errors of 400 experiments are 0.075.
  CHECK_THAT(static_cast<double>(covered) / experiments, WithinAbs(0.9, 0.075));
}

TEST_CASE("classes are drawn whole: queries that agree within their class give wider intervals") {
  Generator generator(4);
  const auto labels = torch::arange(400).div(20, "floor");  // 20 classes of 20
  const auto values = (generator.uniform({20}, torch::kFloat64) < 0.6).to(torch::kFloat64).index_select(0, labels);
  const auto of_queries = bootstrap_mean(values, generator), of_classes = bootstrap_mean(values, generator, {}, labels);
  CHECK(of_queries.value == of_classes.value);
  // √20 times the standard error, as there are 20 times fewer independent values.
  CHECK_THAT(of_classes.standard_error / of_queries.standard_error, WithinAbs(std::sqrt(20), 0.5));

  // Classes of different sizes: 1 over three queries, 0 over one. Mean over queries 0.75, over classes 0.5.
  const auto uneven = torch::tensor({1.0, 1.0, 0.0, 1.0}, torch::kFloat64);
  CHECK(bootstrap_mean(uneven, generator, {}, ids({5, 5, 8, 5})).value == 0.75);
  const auto by_class = bootstrap_mean(uneven, generator, {.interval = BootstrapInterval::percentile, .average = Average::classes},
                                       ids({5, 5, 8, 5}));
  CHECK(by_class.value == 0.5);
  CHECK(by_class.lower == 0);
  CHECK(by_class.upper == 1);
}

TEST_CASE("lone queries are left out, and what has no spread has an interval of length 0") {
  Generator generator(5);
  const auto values = torch::tensor({0.5, double(NAN), 0.5, 0.5}, torch::kFloat64);
  const auto found = bootstrap_mean(values, generator);
  CHECK(found.value == 0.5);
  CHECK(found.lower == 0.5);
  CHECK(found.upper == 0.5);
  CHECK(found.standard_error == 0);
  const auto one = bootstrap_mean(torch::tensor({0.25}), generator, {.resamples = 1});
  CHECK(one.lower == 0.25);
  CHECK(one.standard_error == 0);
  for (const auto& none : {torch::full({3}, NAN), torch::empty({0})}) {
    const auto nothing = bootstrap_mean(none, generator);
    CHECK(std::isnan(nothing.value));
    CHECK(std::isnan(nothing.upper));
  }
}

TEST_CASE("a paired difference sees what separate intervals do not") {
  // Two models that succeed on mostly the same of 500 queries; the first on 5 % more.
  Generator generator(6);
  const auto difficulty = generator.uniform({500}, torch::kFloat64);
  const auto first = (difficulty < 0.65).to(torch::kFloat64), second = (difficulty < 0.60).to(torch::kFloat64);
  const auto a = bootstrap_mean(first, generator), b = bootstrap_mean(second, generator);
  const auto difference = bootstrap_difference(first, second, generator);
  CHECK(a.lower < b.upper);
  CHECK(difference.lower > 0);
  CHECK_THAT(difference.value, WithinAbs(a.value - b.value, 1e-12));
  const auto reversed = bootstrap_difference(second, first, generator);
  CHECK(reversed.upper < 0);
  CHECK(equal(bootstrap_difference(first, first, generator), {0, 0, 0, 0}));
}

TEST_CASE("the bootstrap is a function of its generator, whatever the number of threads, and draws one number") {
  Generator one(7), two(7), reference(7);
  const auto values = Generator(0).uniform({50}, torch::kFloat64);
  const auto threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto first = bootstrap_mean(values, one);
  at::set_num_threads(3);
  const auto second = bootstrap_mean(values, two);
  at::set_num_threads(threads);
  CHECK(equal(first, second));
  reference.next();
  CHECK(one.position() == reference.position());
  CHECK_FALSE(equal(bootstrap_mean(values, one), first));
}

TEST_CASE("the bootstrap refuses options out of range and values that do not belong together") {
  Generator generator(0);
  const auto values = torch::tensor({0.0, 1.0, double(NAN)});
  CHECK_THROWS_AS(bootstrap_mean(values, generator, {.confidence = 1}), diva::OptionError);
  CHECK_THROWS_AS(bootstrap_mean(values, generator, {.confidence = 0}), diva::OptionError);
  CHECK_THROWS_AS(bootstrap_mean(values, generator, {.resamples = 0}), diva::OptionError);
  CHECK_THROWS_WITH(bootstrap_mean(values, generator, {.average = Average::classes}), Contains("labels"));
  CHECK_THROWS_AS(bootstrap_mean(values, generator, {}, ids({1, 2})), diva::ShapeError);
  CHECK_THROWS_AS(bootstrap_mean(ids({1, 2}), generator), diva::ShapeError);
  CHECK_THROWS_AS(bootstrap_difference(values, torch::zeros({2}), generator), diva::ShapeError);
  CHECK_THROWS_WITH(bootstrap_difference(values, torch::zeros({3}), generator), Contains("1 queries"));
}
