#include "support/catch.hpp"

#include <torch/types.h>
#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/metrics/clustering_metrics.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <vector>

using Catch::Matchers::WithinAbs;
using diva::contingency;
using diva::Generator;
using Labels = std::vector<std::int64_t>;

namespace {

diva::Contingency table(const Labels& labels, const Labels& assignments) {
  return contingency(torch::tensor(labels, torch::kInt64), torch::tensor(assignments, torch::kInt64));
}

double slow_information(const Labels& a, const Labels& b) {
  std::map<std::int64_t, double> row, column;
  std::map<std::pair<std::int64_t, std::int64_t>, double> both;
  const double share = 1.0 / static_cast<double>(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    row[a[i]] += share;
    column[b[i]] += share;
    both[{a[i], b[i]}] += share;
  }
  double sum = 0;
  for (const auto& [pair, p] : both) sum += p * std::log(p / (row[pair.first] * column[pair.second]));
  return sum;
}

double slow_entropy(const Labels& a) { return slow_information(a, a); }

double slow_f1(const Labels& a, const Labels& b) {
  double both = 0, in_class = 0, in_cluster = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      both += a[i] == a[j] && b[i] == b[j];
      in_class += a[i] == a[j];
      in_cluster += b[i] == b[j];
    }
  }
  const double precision = in_cluster > 0 ? both / in_cluster : 0, recall = in_class > 0 ? both / in_class : 0;
  return both > 0 ? 2 * precision * recall / (precision + recall) : 0;
}

Labels draw(Generator& generator, std::size_t count, std::int64_t kinds) {
  Labels labels(count);
  for (auto& label : labels) label = generator.below(kinds) - 1;
  return labels;
}

bool equal_partitions(const Labels& a, const Labels& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if ((a[i] == a[j]) != (b[i] == b[j])) return false;
    }
  }
  return true;
}

}  // namespace

TEST_CASE("clustering metrics of six samples worked by hand") {
  // Classes aaabbb, clusters xxyyyy. Cells: ax 2, ay 1, by 3.
  // I = 1/3 ln((1/3)/(1/6)) + 1/6 ln((1/6)/(1/3)) + 1/2 ln((1/2)/(1/3)) = 1/6 ln 2 + 1/2 ln 1.5
  // H(class) = ln 2; H(cluster) = 1/3 ln 3 + 2/3 ln 1.5.
  // Pairs: class 3 + 3 = 6, cluster 1 + 6 = 7, both 1 + 0 + 3 = 4: P = 4/7, R = 4/6, F1 = 8/13.
  const auto t = table({0, 0, 0, 1, 1, 1}, {7, 7, 3, 3, 3, 3});
  const double information = std::log(2) / 6 + std::log(1.5) / 2;
  const double entropies = std::log(2) + std::log(3) / 3 + std::log(1.5) * 2 / 3;
  CHECK_THAT(nmi(t), WithinAbs(2 * information / entropies, 1e-14));
  CHECK_THAT(pairwise_f1(t), WithinAbs(8.0 / 13, 1e-14));
  CHECK(t.total == 6);
  CHECK(t.class_sizes == Labels{3, 3});
  CHECK(t.cluster_sizes == Labels{4, 2});
  CHECK(t.cells.size() == 3);
}

TEST_CASE("nmi by each mean of the entropies, worked by hand") {
  // Classes aabb, clusters 1234: I = H(class) = ln 2, H(cluster) = 2 ln 2.
  const auto t = table({0, 0, 1, 1}, {1, 2, 3, 4});
  CHECK_THAT(nmi(t, diva::EntropyMean::minimum), WithinAbs(1, 1e-14));
  CHECK_THAT(nmi(t, diva::EntropyMean::geometric), WithinAbs(1 / std::sqrt(2), 1e-14));
  CHECK_THAT(nmi(t, diva::EntropyMean::arithmetic), WithinAbs(2.0 / 3, 1e-14));
  CHECK_THAT(nmi(t, diva::EntropyMean::maximum), WithinAbs(0.5, 1e-14));
  for (const auto& [mean, name] : enumerators(diva::EntropyMean{})) {
    CAPTURE(name);
    CHECK(nmi(table({0, 0, 1, 1}, {5, 5, 5, 5}), mean) == 0);  // one of the entropies is 0
    CHECK(nmi(table({0, 0, 1, 1}, {8, 8, 3, 3}), mean) == 1);
    CHECK(nmi(table({2, 2}, {3, 3}), mean) == 1);
  }
}

TEST_CASE("equal partitions score 1, also trivial ones; one cluster for all classes tells nothing") {
  for (const auto& labels : {Labels{0, 0, 1, 1, 2}, Labels{4, 4, 4}, Labels{1, 2, 3}, Labels{8}}) {
    Labels renamed = labels;
    for (auto& label : renamed) label = 100 - 7 * label;
    const auto t = table(labels, renamed);
    CHECK(nmi(t) == 1);
    CHECK(ami(t) == 1);
    CHECK(pairwise_f1(t) == 1);
  }
  const auto one = table({0, 0, 1, 1}, {5, 5, 5, 5});
  CHECK(nmi(one) == 0);
  CHECK_THAT(ami(one), WithinAbs(0, 1e-14));
  CHECK_THAT(pairwise_f1(one), WithinAbs(2 * 2 / 8.0, 1e-14));  // both 2, classes 2, cluster 6
  const auto alone = table({0, 0, 1, 1}, {1, 2, 3, 4});
  CHECK_THAT(nmi(alone), WithinAbs(2.0 / 3, 1e-14));  // ln 2 / ((ln 2 + 2 ln 2) / 2)
  CHECK_THAT(ami(alone), WithinAbs(0, 1e-14));        // any clusters of one tell as much
  CHECK(pairwise_f1(alone) == 0);
}

TEST_CASE("clustering metrics agree with their definitions over thousands of random label sets") {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    CAPTURE(seed);
    Generator generator(seed);
    const auto count = static_cast<std::size_t>(1 + generator.below(30));
    const auto labels = draw(generator, count, 1 + generator.below(8)), clusters = draw(generator, count, 1 + generator.below(8));
    const auto t = table(labels, clusters);
    if (equal_partitions(labels, clusters)) {
      REQUIRE(nmi(t) == 1);
      continue;
    }
    REQUIRE_THAT(nmi(t),
                 WithinAbs(2 * slow_information(labels, clusters) / (slow_entropy(labels) + slow_entropy(clusters)), 1e-12));
    REQUIRE_THAT(pairwise_f1(t), WithinAbs(slow_f1(labels, clusters), 1e-12));
  }
}

TEST_CASE("ami subtracts the mean information of all ways to deal the clusters") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    Generator generator(seed);
    const auto count = static_cast<std::size_t>(2 + generator.below(6));
    const auto labels = draw(generator, count, 1 + generator.below(4)), clusters = draw(generator, count, 1 + generator.below(4));
    if (equal_partitions(labels, clusters)) continue;
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), 0);
    double sum = 0, dealt = 0;
    do {
      Labels shuffled;
      for (const auto i : order) shuffled.push_back(clusters[i]);
      sum += slow_information(labels, shuffled);
      ++dealt;
    } while (std::next_permutation(order.begin(), order.end()));
    const double expected = sum / dealt, mean = (slow_entropy(labels) + slow_entropy(clusters)) / 2;
    REQUIRE_THAT(ami(table(labels, clusters)),
                 WithinAbs((slow_information(labels, clusters) - expected) / (mean - expected), 1e-10));
  }
}

TEST_CASE("contingency refuses no samples and labels of other lengths") {
  const auto none = torch::empty({0}, torch::kInt64), three = torch::zeros({3}, torch::kInt64);
  CHECK_THROWS_AS(contingency(none, none), diva::DataError);
  CHECK_THROWS_AS(contingency(three, none), diva::ShapeError);
  CHECK_THROWS_AS(contingency(torch::zeros({3}), three), diva::ShapeError);
  CHECK_THROWS_AS(contingency(three, torch::zeros({3})), diva::ShapeError);
}
