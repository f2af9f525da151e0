#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/samplers/batch_matching.hpp>

#include <cmath>
#include <limits>
#include <vector>

using diva::Generator;

namespace {

torch::Tensor column(std::vector<double> values) { return torch::tensor(values, torch::kFloat64).unsqueeze(1); }
torch::Tensor rows(std::vector<std::vector<double>> values) {
  std::vector<torch::Tensor> list;
  for (const auto& row : values) list.push_back(torch::tensor(row, torch::kFloat64));
  return torch::stack(list);
}

bool near(double value, double expected, double tolerance = 1e-12) { return std::abs(value - expected) < tolerance; }

struct Spread {
  std::vector<double> mean, deviation, distances;
};

// Means and population deviations of the features, and the distances of all pairs, by loops.
Spread spread_of(const torch::Tensor& set) {
  Spread spread;
  const auto x = set.accessor<double, 2>();
  for (std::int64_t d = 0; d < set.size(1); ++d) {
    double sum = 0, squares = 0;
    for (std::int64_t i = 0; i < set.size(0); ++i) sum += x[i][d];
    const double mean = sum / static_cast<double>(set.size(0));
    for (std::int64_t i = 0; i < set.size(0); ++i) squares += (x[i][d] - mean) * (x[i][d] - mean);
    spread.mean.push_back(mean);
    spread.deviation.push_back(std::sqrt(squares / static_cast<double>(set.size(0))));
  }
  for (std::int64_t i = 0; i < set.size(0); ++i) {
    for (std::int64_t j = i + 1; j < set.size(0); ++j) {
      double sum = 0;
      for (std::int64_t d = 0; d < set.size(1); ++d) sum += (x[i][d] - x[j][d]) * (x[i][d] - x[j][d]);
      spread.distances.push_back(std::sqrt(sum));
    }
  }
  return spread;
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(sum);
}

}  // namespace

TEST_CASE("frechet_distance of points on a line is that of two normal distributions") {
  // a: mean 1, variance 2; b: mean 3, variance 8. (1 − 3)² + 2 + 8 − 2 √16 = 6.
  CHECK(near(diva::frechet_distance(column({0, 2}), column({1, 5})), 6));
  // One row has no variance: (1 − 3)² + 2.
  CHECK(near(diva::frechet_distance(column({0, 2}), column({3})), 6));
  CHECK(near(diva::frechet_distance(column({3}), column({0, 2})), 6));
  CHECK(near(diva::frechet_distance(column({3}), column({5})), 4));
}

TEST_CASE("frechet_distance of points on two axes takes the root axis by axis") {
  // Means 0. a: variances 2/3 and 8/3; b: 8/3 and 2/3. Traces 20/3, roots √(16/9) twice: 20/3 − 2·8/3 = 4/3.
  const auto a = rows({{1, 0}, {-1, 0}, {0, 2}, {0, -2}}), b = rows({{2, 0}, {-2, 0}, {0, 1}, {0, -1}});
  CHECK(near(diva::frechet_distance(a, b), 4.0 / 3));
  // With constant dimensions b has fewer rows than dimensions: the other way of taking the root.
  const auto wider = [](const torch::Tensor& x) { return torch::cat({x, torch::ones({x.size(0), 3}, x.options())}, 1); };
  CHECK(near(diva::frechet_distance(wider(a), wider(b)), 4.0 / 3, 1e-6));
}

TEST_CASE("frechet_distance agrees with the trace of a root of a 2 x 2 matrix, and is symmetric, for many seeds") {
  // tr √M = √(tr M + 2 √(det M)) for 2 x 2 matrices with eigenvalues that are not negative.
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Generator generator(seed);
    const auto draw = [&] {
      return generator.normal({3 + generator.below(6), 2}, torch::kFloat64).matmul(generator.normal({2, 2}, torch::kFloat64)) +
             generator.normal({1, 2}, torch::kFloat64);
    };
    const auto a = draw(), b = draw();
    const auto covariance = [](const torch::Tensor& x) {
      const auto rest = x - x.mean(0);
      return rest.t().matmul(rest) / static_cast<double>(x.size(0) - 1);
    };
    const auto of_a = covariance(a), of_b = covariance(b), product = of_a.matmul(of_b);
    const auto item = [](const torch::Tensor& value) { return value.item<double>(); };
    const double determinant = item(product[0][0]) * item(product[1][1]) - item(product[0][1]) * item(product[1][0]);
    const double root = std::sqrt(item(product.trace()) + 2 * std::sqrt(std::max(0.0, determinant)));
    const double expected = item((a.mean(0) - b.mean(0)).square().sum()) + item(of_a.trace() + of_b.trace()) - 2 * root;
    INFO("seed " << seed);
    CHECK(near(diva::frechet_distance(a, b), expected, 1e-6 * (1 + expected)));
    CHECK(near(diva::frechet_distance(b, a), expected, 1e-6 * (1 + expected)));
  }
}

TEST_CASE("frechet_distance is the same by rows and by dimensions, and vanishes for equal sets") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Generator generator(seed);
    const auto a = generator.normal({30, 6}, torch::kFloat64), few = generator.normal({6, 6}, torch::kFloat64);
    // Constant dimensions change nothing, but with them the dimensions outnumber the rows.
    const auto many = generator.normal({9, 6}, torch::kFloat64);
    const auto wider = [](const torch::Tensor& x) { return torch::cat({x, torch::zeros({x.size(0), 6}, x.options())}, 1); };
    CHECK(near(diva::frechet_distance(a, many), diva::frechet_distance(wider(a), wider(many)), 1e-6));
    CHECK(diva::frechet_distance(a, a) < 1e-6);
    CHECK(diva::frechet_distance(few, few) < 1e-6);
    CHECK(diva::frechet_distance(a, few) > 0);
  }
}

TEST_CASE("distance_moment_cost of points on a line") {
  // a = 0 1 3: mean 4/3, deviation √14/3, distances 1 3 2 with mean 2 and deviation √(2/3). b = 0 3: 3/2, 3/2, distance 3.
  const double expected = std::abs(4.0 / 3 - 1.5) + std::abs(std::sqrt(14.0) / 3 - 1.5) + 5 * 1 + 5 * std::sqrt(2.0 / 3);
  CHECK(near(diva::distance_moment_cost(column({0, 1, 3}), column({0, 3})), expected));
  CHECK(near(diva::distance_moment_cost(column({0, 1, 3}), column({3, 0, 1})), 0));
  // One row: no distance, mean and deviation 0 of them. 4/3 − 1, √14/3, 5·2, 5·√(2/3).
  CHECK(near(diva::distance_moment_cost(column({0, 1, 3}), column({1})),
             1.0 / 3 + std::sqrt(14.0) / 3 + 10 + 5 * std::sqrt(2.0 / 3)));
}

TEST_CASE("distance_histogram_cost of points on a line") {
  // Distances of a 1 2 3: 50 bins of width 0.04 from 1 to 3, one each in bins 0, 25, 49. b: 3, in bin 49.
  // F_a − F_b: 1/3 in bins 0 … 24, 2/3 in 25 … 48, 0 in 49. W = 0.04 (25/3 + 24·2/3) = 0.04·73/3.
  const double spread = std::abs(4.0 / 3 - 1.5) + std::abs(std::sqrt(14.0) / 3 - 1.5);
  CHECK(near(diva::distance_histogram_cost(column({0, 1, 3}), column({0, 3})), spread + 10 * 0.04 * 73 / 3));
  CHECK(near(diva::distance_histogram_cost(column({0, 1, 3}), column({1, 3, 0})), 0));
  // Distances beyond the ends count in the last bins: 5 as 3, so b = -1 4 costs what distance 3 does, and its own spread.
  CHECK(near(diva::distance_histogram_cost(column({0, 1, 3}), column({-1, 4})),
             std::abs(4.0 / 3 - 1.5) + std::abs(std::sqrt(14.0) / 3 - 2.5) + 10 * 0.04 * 73 / 3));
  // All distances of a equal: W = 0.
  CHECK(near(diva::distance_histogram_cost(column({0, 2}), column({0, 4})), 1 + 1));
}

TEST_CASE("costs of distances agree with loops for many seeds") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Generator generator(seed);
    const auto dim = 1 + generator.below(5);
    const auto a = generator.normal({2 + generator.below(20), dim}, torch::kFloat64);
    const auto b = generator.normal({2 + generator.below(20), dim}, torch::kFloat64) * 0.8;
    const auto of_a = spread_of(a), of_b = spread_of(b);
    const double spread = distance(of_a.mean, of_b.mean) + distance(of_a.deviation, of_b.deviation);
    const auto moments = [](const std::vector<double>& values) {
      double sum = 0, squares = 0;
      for (const double value : values) sum += value;
      const double mean = sum / static_cast<double>(values.size());
      for (const double value : values) squares += (value - mean) * (value - mean);
      return std::pair{mean, std::sqrt(squares / static_cast<double>(values.size()))};
    };
    const auto [mean_a, deviation_a] = moments(of_a.distances);
    const auto [mean_b, deviation_b] = moments(of_b.distances);
    INFO("seed " << seed);
    CHECK(near(diva::distance_moment_cost(a, b), spread + 5 * std::abs(mean_a - mean_b) + 5 * std::abs(deviation_a - deviation_b),
               1e-9));

    const auto [low, high] = std::minmax_element(of_a.distances.begin(), of_a.distances.end());
    const double width = (*high - *low) / 50;
    const auto share_up_to = [&, low = low, high = high](const std::vector<double>& values, int bin) {
      double count = 0;
      for (const double value : values) {
        const int own = value >= *high ? 49 : value < *low ? 0 : static_cast<int>((value - *low) / width);
        count += std::min(own, 49) <= bin;
      }
      return count / static_cast<double>(values.size());
    };
    double earth = 0;
    for (int bin = 0; bin < 50 && width > 0; ++bin)
      earth += width * std::abs(share_up_to(of_a.distances, bin) - share_up_to(of_b.distances, bin));
    CHECK(near(diva::distance_histogram_cost(a, b), spread + 10 * earth, 1e-9));
  }
}

TEST_CASE("costs of batches take any floating type and refuse what they cannot compare") {
  const auto a = column({0, 1, 3}), b = column({0, 3});
  for (const auto cost : {diva::frechet_distance, diva::distance_moment_cost, diva::distance_histogram_cost}) {
    CHECK(near(cost(a.to(torch::kFloat32), b.to(torch::kBFloat16)), cost(a, b)));
    CHECK_THROWS_AS(cost(a, torch::empty({0, 1})), diva::DataError);
    CHECK_THROWS_AS(cost(torch::empty({0, 1}), b), diva::DataError);
    CHECK_THROWS_AS(cost(a, torch::zeros({2, 2})), diva::ShapeError);
    CHECK_THROWS_AS(cost(a, torch::Tensor()), diva::ShapeError);
    CHECK_THROWS_AS(cost(a, torch::zeros({2, 1}, torch::kInt64)), diva::ShapeError);
    CHECK_THROWS_AS(cost(a, column({std::numeric_limits<double>::quiet_NaN()})), diva::DataError);
  }
}
