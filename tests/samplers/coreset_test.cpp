#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/samplers/coreset.hpp>

#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <vector>

using diva::CoresetMeasure;
using diva::d2_coreset;
using diva::Generator;
using diva::greedy_coreset;

namespace {

torch::Tensor column(std::vector<double> values) { return torch::tensor(values, torch::kFloat64).unsqueeze(1); }

double measured(const torch::Tensor& x, std::int64_t i, std::int64_t j, CoresetMeasure measure) {
  double products = 0, squares_i = 0, squares_j = 0, differences = 0;
  const auto rows = x.accessor<double, 2>();
  for (std::int64_t d = 0; d < x.size(1); ++d) {
    products += rows[i][d] * rows[j][d];
    squares_i += rows[i][d] * rows[i][d];
    squares_j += rows[j][d] * rows[j][d];
    differences += (rows[i][d] - rows[j][d]) * (rows[i][d] - rows[j][d]);
  }
  switch (measure) {
    case CoresetMeasure::cosine:
      return 1 - products / std::sqrt(squares_i * squares_j);
    case CoresetMeasure::square:
      return differences;
    default:
      return std::sqrt(differences);
  }
}

double nearest_chosen(const torch::Tensor& x, std::int64_t row, const std::vector<std::int64_t>& chosen, std::size_t count,
                      CoresetMeasure measure) {
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < count; ++k) least = std::min(least, measured(x, row, chosen[k], measure));
  return least;
}

}  // namespace

TEST_CASE("greedy_coreset takes the farthest, of points on a line") {
  // From 0: 10 is farthest; then 4 is 4 away from its nearest, 1 only 1, so 4; then 1 and 3 are both 1 away: 1 is the first.
  const auto x = column({0, 1, 3, 4, 10});
  std::set<std::int64_t> firsts;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Generator generator(seed);
    const auto chosen = greedy_coreset(x, 5, generator);
    firsts.insert(chosen[0]);
    if (chosen[0] == 0) CHECK(chosen == std::vector<std::int64_t>{0, 4, 3, 1, 2});
  }
  CHECK(firsts.size() == 5);
}

TEST_CASE("greedy_coreset agrees with a search by loops, for many seeds and every measure") {
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    Generator generator(seed);
    const auto measure = static_cast<CoresetMeasure>(seed % 3);
    const auto x = generator.normal({2 + generator.below(30), 1 + generator.below(6)}, torch::kFloat64);
    const auto count = 1 + generator.below(x.size(0));
    // On a line all cosines are 1 or −1, so that rows are equal up to rounding.
    if (measure == CoresetMeasure::cosine && x.size(1) == 1) continue;
    const auto chosen = greedy_coreset(x, count, generator, {.measure = measure});
    REQUIRE(std::ssize(chosen) == count);
    INFO("seed " << seed);
    for (std::size_t k = 1; k < chosen.size(); ++k) {
      std::int64_t farthest = -1;
      double most = -1;
      for (std::int64_t i = 0; i < x.size(0); ++i) {
        const double distance = nearest_chosen(x, i, chosen, k, measure);
        if (std::count(chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(k), i) == 0 && distance > most) {
          most = distance;
          farthest = i;
        }
      }
      REQUIRE(chosen[k] == farthest);
    }
  }
}

TEST_CASE("greedy_coreset measures lengths by euclidean and directions by cosine") {
  // From (1, 0): (9, 1) is farther than (0, 1), but in nearly the same direction.
  const auto x = torch::tensor({{1.0, 0.0}, {9.0, 1.0}, {0.0, 1.0}});
  std::int64_t seen = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Generator one(seed), other(seed);
    const auto by_length = greedy_coreset(x, 2, one),
               by_direction = greedy_coreset(x, 2, other, {.measure = CoresetMeasure::cosine});
    if (by_length[0] != 0) continue;
    ++seen;
    CHECK(by_length[1] == 1);
    CHECK(by_direction[1] == 2);
  }
  CHECK(seen > 0);
}

TEST_CASE("greedy_coreset softened draws among the farthest three percent") {
  // 0 … 99 on a line: after the first, 99 are left, of which 3 are drawn from.
  std::vector<double> values;
  for (int i = 0; i < 100; ++i) values.push_back(i);
  const auto x = column(values);
  std::map<std::int64_t, std::set<std::int64_t>> nexts;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    Generator generator(seed);
    const auto chosen = greedy_coreset(x, 2, generator, {.softened = true});
    nexts[chosen[0]].insert(chosen[1]);
  }
  CHECK(nexts.size() == 100);
  for (const auto& [first, seen] : nexts) {
    std::vector<std::int64_t> order;
    for (std::int64_t i = 0; i < 100; ++i) order.push_back(i);
    std::stable_sort(order.begin(), order.end(),
                     [first = first](auto a, auto b) { return std::abs(a - first) > std::abs(b - first); });
    for (const auto next : seen) CHECK(std::find(order.begin(), order.begin() + 3, next) < order.begin() + 3);
  }
}

TEST_CASE("greedy_coreset chooses no row twice, also where rows are equal or without direction, and the rest at random") {
  for (const auto measure : {CoresetMeasure::euclidean, CoresetMeasure::cosine, CoresetMeasure::square}) {
    std::set<std::int64_t> seconds;
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      Generator generator(seed);
      const auto equal = greedy_coreset(torch::ones({5, 3}), 5, generator, {.measure = measure});
      REQUIRE(std::set(equal.begin(), equal.end()).size() == 5);
      seconds.insert(equal[1]);
      const auto zero = greedy_coreset(torch::zeros({4, 3}), 4, generator, {.measure = measure});
      REQUIRE(std::set(zero.begin(), zero.end()).size() == 4);
    }
    CHECK(seconds.size() == 5);
  }
}

TEST_CASE("greedy_coreset draws the rest at random once the limit covers all rows") {
  // 0, 10 and four points nearer than 2 to them.
  const auto x = column({0, 1, 1.5, 9, 8.5, 10});
  std::set<std::int64_t> thirds;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Generator generator(seed);
    const auto chosen = greedy_coreset(x, 3, generator, {.limit = 2});
    if (chosen[0] == 0) thirds.insert(chosen[2]);
  }
  CHECK(thirds == std::set<std::int64_t>{1, 2, 3, 4});
}

TEST_CASE("d2_coreset chooses by density and squared distances, of points on a line") {
  // x = −1, 0, 0, 3: mean 1/2, variance (2.25 + .25 + .25 + 6.25)/3 = 3, densities ∝ exp(−(x − 1/2)²/6):
  //   exp(−3/8) = .687, exp(−1/24) = .959 twice, exp(−25/24) = .353.
  // From row 0 squared distances are 1, 1, 16: weights .959, .959, 5.646, so P(3) = .746.
  // From rows 0, 3 sums are 1 + 9 = 10 for both others: 1/2 each.
  const auto x = column({-1, 0, 0, 3});
  const double near = std::exp(-1.0 / 24), far = 16 * std::exp(-25.0 / 24);
  const double expected = far / (2 * near + far);
  double from_first = 0, third = 0, then_first = 0, then = 0;
  for (std::uint64_t seed = 0; seed < 20000; ++seed) {
    Generator generator(seed);
    const auto chosen = d2_coreset(x, 3, generator);
    REQUIRE(std::set(chosen.begin(), chosen.end()).size() == 3);
    if (chosen[0] != 0) continue;
    ++from_first;
    if (chosen[1] != 3) continue;
    ++third;
    ++then;
    then_first += chosen[2] == 1;
  }
  // The draw from N(1/2, 3) is nearest to −1 when below −1/2: Φ(−1/√3) = .282 of 20000, five deviations of which are 318.
  CHECK(std::abs(from_first - 20000 * 0.5 * std::erfc(1 / std::sqrt(3.0) / std::sqrt(2.0))) < 318);
  CHECK(std::abs(third / from_first - expected) < 5 * std::sqrt(expected * (1 - expected) / from_first));
  CHECK(std::abs(then_first / then - 0.5) < 5 * std::sqrt(0.25 / then));
}

TEST_CASE("d2_coreset agrees with chances by loops, in two dimensions") {
  // Five rows; chances of the second given the first from the formula, with the 2 x 2 covariance inverted by hand.
  const std::vector<std::vector<double>> points = {{0, 0}, {1, 0.5}, {2, -1}, {-1, 1}, {0.5, 2}};
  std::vector<torch::Tensor> list;
  for (const auto& point : points) list.push_back(torch::tensor(point, torch::kFloat64));
  const auto x = torch::stack(list);
  double mean[2] = {0, 0}, c[3] = {0, 0, 0};
  for (const auto& p : points) {
    mean[0] += p[0] / 5;
    mean[1] += p[1] / 5;
  }
  for (const auto& p : points) {
    c[0] += (p[0] - mean[0]) * (p[0] - mean[0]) / 4;
    c[1] += (p[0] - mean[0]) * (p[1] - mean[1]) / 4;
    c[2] += (p[1] - mean[1]) * (p[1] - mean[1]) / 4;
  }
  const double determinant = c[0] * c[2] - c[1] * c[1];
  const double lambda = 0.5;
  std::vector<std::vector<double>> counts(5, std::vector<double>(5, 0));
  for (std::uint64_t seed = 0; seed < 20000; ++seed) {
    Generator generator(seed);
    const auto chosen = d2_coreset(x, 2, generator, lambda);
    ++counts[static_cast<std::size_t>(chosen[0])][static_cast<std::size_t>(chosen[1])];
  }
  for (std::size_t first = 0; first < 5; ++first) {
    std::vector<double> weights(5, 0);
    double total = 0, draws = 0;
    for (std::size_t i = 0; i < 5; ++i) {
      const double u = points[i][0] - mean[0], v = points[i][1] - mean[1];
      const double form = (c[2] * u * u - 2 * c[1] * u * v + c[0] * v * v) / determinant;
      const double square = std::pow(points[i][0] - points[first][0], 2) + std::pow(points[i][1] - points[first][1], 2);
      weights[i] = std::exp(-form / 2) * std::pow(square, lambda);
      total += weights[i];
      draws += counts[first][i];
    }
    REQUIRE(draws > 200);
    CHECK(counts[first][first] == 0);
    for (std::size_t i = 0; i < 5; ++i) {
      const double chance = weights[i] / total;
      CHECK(std::abs(counts[first][i] / draws - chance) <= 5 * std::sqrt(chance * (1 - chance) / draws));
    }
  }
}

TEST_CASE("d2_coreset is defined where the covariance is singular, densities vanish or rows are equal") {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Generator generator(seed);
    const auto different = [&](const torch::Tensor& x, double lambda) {
      const auto chosen = d2_coreset(x, x.size(0), generator, lambda);
      return std::ssize(std::set(chosen.begin(), chosen.end())) == x.size(0);
    };
    REQUIRE(different(generator.normal({6, 40}), 1));                         // more dimensions than rows
    if (seed < 3) REQUIRE(different(100 * generator.normal({300, 256}), 1));  // densities of 256 dimensions
    REQUIRE(different(torch::ones({5, 2}), 1));
    REQUIRE(different(torch::ones({5, 2}), 0));
    REQUIRE(different(torch::ones({1, 2}), 2));
  }
}

TEST_CASE("coresets of nothing are nothing, and bad input is refused") {
  Generator generator(0);
  CHECK(greedy_coreset(torch::zeros({0, 2}), 0, generator).empty());
  CHECK(d2_coreset(torch::zeros({0, 2}), 0, generator).empty());
  const auto x = torch::zeros({3, 2});
  CHECK_THROWS_AS(greedy_coreset(x, 4, generator), diva::OptionError);
  CHECK_THROWS_AS(greedy_coreset(x, -1, generator), diva::OptionError);
  CHECK_THROWS_AS(greedy_coreset(x, 1, generator, {.limit = -1}), diva::OptionError);
  CHECK_THROWS_AS(greedy_coreset(torch::zeros({3}), 1, generator), diva::ShapeError);
  CHECK_THROWS_AS(greedy_coreset(x / 0, 1, generator), diva::DataError);
  CHECK_THROWS_AS(d2_coreset(x, 4, generator), diva::OptionError);
  CHECK_THROWS_AS(d2_coreset(x, 1, generator, -1), diva::OptionError);
  CHECK_THROWS_AS(d2_coreset(x, 1, generator, std::numeric_limits<double>::quiet_NaN()), diva::OptionError);
  CHECK_THROWS_AS(d2_coreset(x.to(torch::kInt64), 1, generator), diva::ShapeError);
  CHECK_THROWS_AS(d2_coreset(x / 0, 1, generator), diva::DataError);
}
