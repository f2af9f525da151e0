#include "support/catch.hpp"

#include <ATen/Parallel.h>
#include <diva/search/kmeans.hpp>
#include <diva/search/neighbours.hpp>

#include <set>

using diva::Generator;
using diva::kmeans;

namespace {

// Ten points around each of k corners that lie 100 apart; the row tells the corner.
torch::Tensor corners(std::int64_t k, Generator& generator) {
  const auto corner = torch::eye(k).repeat({10, 1}) * 100;
  return corner + generator.normal({10 * k, k});
}

}  // namespace

TEST_CASE("kmeans splits two pairs of points on a line") {
  // {0, 2} and {10, 14}: centroids 1 and 12, objective 1 + 1 + 4 + 4 = 10. From any two different starts Lloyd's iterations end
  // there.
  const auto points = torch::tensor({0.F, 10.F, 2.F, 14.F}).view({4, 1});
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Generator generator(seed);
    const auto found = kmeans(points, 2, generator);
    CHECK(std::get<0>(found.centroids.flatten().sort()).equal(torch::tensor({1.F, 12.F})));
    CHECK(found.objective == 10.0);
    CHECK(found.assignments[0].equal(found.assignments[2]));
    CHECK(found.assignments[1].equal(found.assignments[3]));
    CHECK_FALSE(found.assignments[0].equal(found.assignments[1]));
  }
}

TEST_CASE("kmeans is a function of its generator, of which it draws one number") {
  Generator data(1), first(7), second(7), other(8);
  const auto features = data.normal({300, 8});
  const auto a = kmeans(features, 10, first), b = kmeans(features, 10, second), c = kmeans(features, 10, other);
  CHECK(torch::equal(a.centroids, b.centroids));
  CHECK(torch::equal(a.assignments, b.assignments));
  CHECK(a.objective == b.objective);
  CHECK_FALSE(torch::equal(a.centroids, c.centroids));
  Generator drawn(7);
  drawn.next();
  CHECK(first.position() == drawn.position());
}

TEST_CASE("kmeans assigns every row to its nearest centroid and its centroids are means of their rows") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    CAPTURE(seed);
    Generator generator(seed);
    const auto features = generator.normal({400, 5});
    const auto found = kmeans(features, 7, generator, {.iterations = 200});  // converged
    const auto distances = torch::cdist(features.to(torch::kFloat64), found.centroids.to(torch::kFloat64));
    const auto [least, nearest] = distances.min(1);
    CHECK(torch::equal(nearest, found.assignments));
    CHECK(std::abs(least.square().sum().item<double>() - found.objective) < 1e-5 * found.objective);
    for (std::int64_t cluster = 0; cluster < 7; ++cluster) {
      CHECK(torch::allclose(features.index({found.assignments == cluster}).mean(0), found.centroids[cluster], 1e-4, 1e-5));
    }
  }
}

TEST_CASE("kmeans with restarts keeps the best start") {
  Generator data(3);
  const auto features = corners(12, data);
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    Generator one(seed), many(seed);
    CHECK(kmeans(features, 12, many, {.restarts = 20}).objective <= kmeans(features, 12, one).objective * (1 + 1e-6));
  }
}

TEST_CASE("kmeans uses all rows, of a cluster of thousands too, and gives small clusters without a warning") {
  // The mean of all rows is known, and no sample has it.
  const auto features = torch::arange(5000, torch::kFloat32).view({5000, 1});
  Generator generator(0);
  CHECK(kmeans(features, 1, generator).centroids.item<float>() == 2499.5F);
}

TEST_CASE("kmeans gives every row its own centroid when k is the number of rows, and refuses more") {
  Generator generator(2);
  const auto features = generator.normal({9, 4});
  const auto found = kmeans(features, 9, generator);
  CHECK(found.objective == 0.0);
  const auto* assigned = found.assignments.data_ptr<std::int64_t>();
  CHECK(std::set<std::int64_t>(assigned, assigned + 9).size() == 9);
  CHECK_THROWS_WITH(kmeans(features, 10, generator), "kmeans: k must be in [1, rows of features] = [1, 9], got 10");
  CHECK_THROWS_AS(kmeans(features, 0, generator), diva::OptionError);
  CHECK_THROWS_AS(kmeans(torch::empty({0, 4}), 1, generator), diva::OptionError);
  CHECK_THROWS_AS(kmeans(features, 2, generator, {.iterations = 0}), diva::OptionError);
  CHECK_THROWS_AS(kmeans(features[0], 1, generator), diva::ShapeError);
  auto broken = features.clone();
  broken[3][1] = NAN;
  CHECK_THROWS_AS(kmeans(broken, 2, generator), diva::DataError);
}

TEST_CASE("kmeans on equal rows leaves all but one cluster empty") {
  for (const auto initialisation : {diva::Initialisation::random, diva::Initialisation::plus_plus}) {
    Generator generator(4);
    const auto found = kmeans(torch::ones({20, 3}), 4, generator, {.initialisation = initialisation});
    CHECK(found.objective == 0);
    CHECK((found.assignments == 0).all().item<bool>());
    CHECK((found.centroids == 1).all().item<bool>());
  }
}

TEST_CASE("kmeans gives an empty cluster the farthest row") {
  // Rows 0, 0, 0, 0, 10 and 14 with three clusters. Where two of the first centroids are 0, the second of them is empty. If the
  // third is 10, 14 lies farthest and becomes its cluster; if it is 14, 10 does; with three at 0 both do. Otherwise 8 would stay.
  const auto points = torch::tensor({0.F, 0.F, 0.F, 0.F, 10.F, 14.F}).view({6, 1});
  int doubled = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Generator generator(seed);
    const auto first = Generator(Generator(seed).next()).fork(0).permutation(6).slice(0, 0, 3);
    const auto zeros = (first < 4).sum().item<std::int64_t>();
    doubled += zeros == 2 ? 1 : 0;
    CHECK(kmeans(points, 3, generator).objective == 0);
  }
  CHECK(doubled > 5);
}

TEST_CASE("kmeans++ begins with rows far apart") {
  // Twelve corners 141 apart, noise of 1. With j corners met, the rows of those hold at most 24 · 10 j of the squared distances and
  // the others 20000 · 10 (12 − j), so a corner is missed with a chance of Σ 0.0012 j / (12 − j) = 3 %. Random rows all but always
  // miss.
  Generator data(6);
  const auto features = corners(12, data);
  int spread = 0, random = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Generator first(seed), second(seed);
    spread +=
        kmeans(features, 12, first, {.iterations = 1, .initialisation = diva::Initialisation::plus_plus}).objective < 3000 ? 1 : 0;
    random += kmeans(features, 12, second, {.iterations = 1}).objective < 3000 ? 1 : 0;
    Generator drawn(seed);
    drawn.next();
    CHECK(first.position() == drawn.position());
  }
  CHECK(spread >= 18);
  CHECK(random <= 2);
}

TEST_CASE("kmeans is Lloyd's iteration, step by step") {
  // The same first rows, all distances, means in double. Data without ties or empty clusters; skipped work must not show.
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    CAPTURE(seed);
    Generator generator(100 + seed);
    const auto count = 60 + generator.below(300), dim = 1 + generator.below(12), k = 2 + generator.below(count / 6);
    const auto spread = seed % 3 == 0 ? 0.1 : 1.0;
    const auto features =
        generator.normal({k, dim}).repeat({count / k + 1, 1}).slice(0, 0, count) + spread * generator.normal({count, dim});
    const auto iterations = 1 + generator.below(12);
    const auto x = features.to(torch::kFloat64);
    auto centroids = features.index_select(0, Generator(Generator(seed).next()).fork(0).permutation(count).slice(0, 0, k));
    torch::Tensor assignments;
    bool empty = false;
    for (std::int64_t i = 0; i <= iterations; ++i) {
      assignments = (x.unsqueeze(1) - centroids.to(torch::kFloat64)).square().sum(2).argmin(1);
      if (i == iterations) break;
      centroids = centroids.clone();
      for (std::int64_t c = 0; c < k; ++c) {
        const auto rows = x.index({assignments == c});
        empty = empty || rows.size(0) == 0;
        if (rows.size(0) > 0) centroids[c] = rows.mean(0).to(torch::kFloat32);
      }
    }
    if (empty) continue;
    Generator start(seed);
    const auto found = kmeans(features, k, start, {.iterations = iterations});
    CHECK(torch::equal(found.assignments, assignments));
    CHECK(torch::allclose(found.centroids, centroids, 1e-6, 1e-6));
  }
}

TEST_CASE("kmeans gives the same bits on any number of threads") {
  Generator data(8);
  const auto features = data.normal({700, 16});
  const auto threads = at::get_num_threads();
  for (const auto initialisation : {diva::Initialisation::random, diva::Initialisation::plus_plus}) {
    Generator first(1), second(1);
    const auto many = kmeans(features, 90, first, {.initialisation = initialisation});
    at::set_num_threads(1);
    const auto one = kmeans(features, 90, second, {.initialisation = initialisation});
    at::set_num_threads(threads);
    CHECK(torch::equal(many.centroids, one.centroids));
    CHECK(torch::equal(many.assignments, one.assignments));
    CHECK(many.objective == one.objective);
  }
}
