#include "support/catch.hpp"

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
  // 256 rows a centroid is where FAISS by itself begins to sample; the mean of all rows is known.
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

TEST_CASE("kmeans on equal rows stays finite") {
  // FAISS moves the centroids of empty clusters by a share of 1/1024: 20 rows × 3 · 2⁻²⁰ = 5.7e-5.
  Generator generator(4);
  const auto found = kmeans(torch::ones({20, 3}), 4, generator);
  CHECK(found.objective < 1e-4);
  CHECK(found.centroids.isfinite().all().item<bool>());
}

TEST_CASE("torch, FAISS and torch again work in one process with their shared threads") {
  Generator generator(5);
  const auto features = generator.normal({2000, 32});
  const auto before = torch::mm(features, features.t());
  const auto found = kmeans(features, 40, generator);
  const auto neighbours = diva::nearest_neighbours(features, 3);
  const auto again = kmeans(features, 40, generator);
  CHECK(torch::equal(torch::mm(features, features.t()), before));
  CHECK(torch::equal(diva::nearest_neighbours(features, 3).indices, neighbours.indices));
  CHECK(found.objective > 0);
  CHECK(std::abs(again.objective - found.objective) < 0.05 * found.objective);
}
