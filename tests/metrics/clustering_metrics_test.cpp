#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/metrics/clustering_metrics.hpp>

#include <cmath>
#include <map>

namespace {

torch::Tensor ids(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }

double slow_nmi(const torch::Tensor& a, const torch::Tensor& b) {
  const auto n = static_cast<double>(a.size(0));
  std::map<std::int64_t, double> pa, pb;
  std::map<std::pair<std::int64_t, std::int64_t>, double> joint;
  for (std::int64_t i = 0; i < a.size(0); ++i) {
    const auto x = a[i].item<std::int64_t>(), y = b[i].item<std::int64_t>();
    pa[x] += 1 / n;
    pb[y] += 1 / n;
    joint[{x, y}] += 1 / n;
  }
  double information = 0, entropies = 0;
  for (const auto& [cell, p] : joint) information += p * std::log(p / (pa[cell.first] * pb[cell.second]));
  for (const auto& [x, p] : pa) entropies -= p * std::log(p);
  for (const auto& [y, p] : pb) entropies -= p * std::log(p);
  return entropies < 1e-12 ? 1 : information / (entropies / 2);
}

double slow_f1(const torch::Tensor& a, const torch::Tensor& b) {
  double both = 0, classes = 0, clusters = 0;
  for (std::int64_t i = 0; i < a.size(0); ++i) {
    for (std::int64_t j = 0; j < i; ++j) {
      const bool x = a[i].equal(a[j]), y = b[i].equal(b[j]);
      both += x && y ? 1 : 0;
      classes += x ? 1 : 0;
      clusters += y ? 1 : 0;
    }
  }
  if (classes + clusters == 0) return 1;
  return 2 * both / (classes + clusters);
}

}  // namespace

TEST_CASE("clustering metrics worked by hand") {
  // Classes 0 0 1 1, clusters 0 0 0 1. Pairs: class (0,1) (2,3); cluster (0,1) (0,2) (1,2); both: (0,1). P 1/3, R 1/2: F1 = 2/5.
  const auto table = diva::contingency(ids({0, 0, 1, 1}), ids({5, 5, 5, 9}));
  CHECK(std::abs(diva::pairwise_f1(table) - 0.4) < 1e-12);
  // I = ½ ln(4/3) + ¼ ln(2/3) + ¼ ln 2; H = ln 2 and ¼ ln 4 + ¾ ln(4/3).
  const double information = 0.5 * std::log(4.0 / 3) + 0.25 * std::log(2.0 / 3) + 0.25 * std::log(2.0);
  const double entropies = std::log(2.0) + 0.25 * std::log(4.0) + 0.75 * std::log(4.0 / 3);
  CHECK(std::abs(diva::nmi(table) - 2 * information / entropies) < 1e-12);
}

TEST_CASE("equal partitions score one, whatever their names, the trivial ones too") {
  for (const auto& labels : {ids({0, 0, 1, 2}), ids({3, 3, 3, 3}), ids({0, 1, 2, 3}), ids({7})}) {
    const auto table = diva::contingency(labels, labels * -3 + 100);
    CHECK(std::abs(diva::nmi(table) - 1) < 1e-12);
    CHECK(std::abs(diva::ami(table) - 1) < 1e-12);
    CHECK(std::abs(diva::pairwise_f1(table) - 1) < 1e-12);
  }
}

TEST_CASE("nmi and F1 agree with slow formulas over random partitions") {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    diva::Generator generator(seed);
    const auto n = 1 + generator.below(20);
    const auto draw = [&] { return (generator.uniform({n}, torch::kFloat64) * static_cast<double>(1 + generator.below(6))).floor().to(torch::kInt64); };
    const auto a = draw(), b = draw();
    const auto table = diva::contingency(a, b);
    REQUIRE(std::abs(diva::nmi(table) - slow_nmi(a, b)) < 1e-9);
    REQUIRE(std::abs(diva::pairwise_f1(table) - slow_f1(a, b)) < 1e-12);
  }
}

TEST_CASE("adjusted mutual information is about zero for random clusters, where the normalised one is not") {
  diva::Generator generator(1);
  double ami = 0, nmi = 0;
  for (int i = 0; i < 200; ++i) {
    const auto draw = [&] { return (generator.uniform({60}, torch::kFloat64) * 15).floor().to(torch::kInt64); };
    const auto table = diva::contingency(draw(), draw());
    ami += diva::ami(table) / 200;
    nmi += diva::nmi(table) / 200;
  }
  CHECK(std::abs(ami) < 0.02);
  CHECK(nmi > 0.4);
}

TEST_CASE("clusterings without samples or of different lengths are refused") {
  CHECK_THROWS_AS(diva::contingency(ids({}), ids({})), diva::DataError);
  CHECK_THROWS_AS(diva::contingency(ids({1, 2}), ids({1})), diva::ShapeError);
}
