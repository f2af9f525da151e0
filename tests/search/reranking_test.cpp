#include "support/catch.hpp"

#include <ATen/Parallel.h>
#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/search/reranking.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>
#include <vector>

using diva::Generator;
using diva::Neighbours;
using diva::rerank_k_reciprocal;
using diva::RerankingOptions;

namespace {

torch::Tensor line(std::vector<double> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return torch::tensor(values, torch::kFloat64).view({count, 1});
}

using Set = std::set<std::int64_t>;

// The formulas word by word on the full matrix of distances: [queries, gallery] of d*.
torch::Tensor by_sets(const torch::Tensor& all, std::int64_t queries, std::int64_t offset, const RerankingOptions& options) {
  const auto count = all.size(0);
  const bool repo = options.variant == diva::Variant::repo;
  auto d = (all.unsqueeze(1) - all.unsqueeze(0)).square().sum(2);
  std::vector<std::vector<std::int64_t>> order(count);
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t j = 0; j < count; ++j) order[i].push_back(j);
    std::ranges::stable_sort(order[i], {}, [&](std::int64_t j) { return j == i ? -1 : d[i][j].item<double>(); });
  }
  if (repo) d = d / std::get<0>(d.max(1, true));
  const auto nearest = [&](std::int64_t i, std::int64_t k) {
    return std::vector(order[i].begin(), order[i].begin() + std::min(k + 1, count));
  };
  const auto reciprocal = [&](std::int64_t i, std::int64_t k) {
    Set result;
    for (const auto j : nearest(i, k)) {
      const auto theirs = nearest(j, k);
      if (std::ranges::find(theirs, i) != theirs.end()) result.insert(j);
    }
    return result;
  };
  auto v = torch::zeros({count, count}, torch::kFloat64);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto mutual = reciprocal(i, options.k1);
    auto expanded = mutual;
    for (const auto q : mutual) {
      const auto theirs = reciprocal(q, std::llrint(static_cast<double>(options.k1) / 2));
      double common = 0;
      for (const auto j : theirs) common += static_cast<double>(mutual.count(j));
      const double share = common / static_cast<double>(theirs.size());
      if (repo ? share > 2.0 / 3 : share >= 2.0 / 3) expanded.insert(theirs.begin(), theirs.end());
    }
    for (const auto j : expanded) v[i][j] = (-d[i][j]).exp();
    if (repo) v[i] /= v[i].sum();
  }
  auto averaged = torch::zeros_like(v);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto rows = nearest(i, std::min(options.k2 - 1, options.k1));
    for (const auto j : rows) averaged[i] += v[j] / static_cast<double>(rows.size());
  }
  auto result = torch::zeros({queries, count - offset}, torch::kFloat64);
  for (std::int64_t q = 0; q < queries; ++q) {
    for (std::int64_t j = offset; j < count; ++j) {
      const auto jaccard = 1 - torch::minimum(averaged[q], averaged[j]).sum() / torch::maximum(averaged[q], averaged[j]).sum();
      result[q][j - offset] = (1 - options.lambda) * jaccard + options.lambda * d[q][j];
    }
  }
  return result;
}

// Each listed distance is that of its index, and the list is that of all distances in order.
void check_lists(const Neighbours& found, torch::Tensor expected, double tolerance) {
  const auto k = found.indices.size(1), left = std::min(k, expected.size(1));
  const auto sorted = std::get<0>(expected.sort(1)).slice(1, 0, left);
  for (std::int64_t q = 0; q < expected.size(0); ++q) {
    const auto finite = sorted[q].isfinite().sum().item<std::int64_t>();
    for (std::int64_t i = 0; i < k; ++i) {
      const auto index = found.indices[q][i].item<std::int64_t>();
      if (i >= finite) {
        REQUIRE(index == -1);
        REQUIRE(std::isinf(found.distances[q][i].item<double>()));
        continue;
      }
      REQUIRE(index >= 0);
      REQUIRE(std::abs(found.distances[q][i].item<double>() - sorted[q][i].item<double>()) <= tolerance);
      REQUIRE(std::abs(expected[q][index].item<double>() - sorted[q][i].item<double>()) <= tolerance);
    }
    const auto listed = found.indices[q].slice(0, 0, finite).contiguous();
    const auto* first = listed.data_ptr<std::int64_t>();
    REQUIRE(std::ssize(Set(first, first + finite)) == finite);
  }
}

// Clusters of five in a few dimensions, so that reciprocal sets are neither empty nor everything.
torch::Tensor clusters(std::int64_t count, std::int64_t dim, Generator& generator) {
  const auto centres = generator.normal({(count + 4) / 5, dim}, torch::kFloat64).repeat({5, 1}).slice(0, 0, count);
  return centres + 0.4 * generator.normal({count, dim}, torch::kFloat64);
}

}  // namespace

TEST_CASE("rerank_k_reciprocal of three points on a line") {
  // a = 0, b = 1, c = 3 with k1 = 1: N(a) = {a, b}, N(b) = {b, a}, N(c) = {c, b}; a and b are mutual, c is alone.
  // V(a) = (1, 1/e, 0), V(b) = (1/e, 1, 0), V(c) = (0, 0, 1). d_J(a, b) = 1 − (2/e) / 2; all others 1.
  const auto found = rerank_k_reciprocal(line({0, 1, 3}), 2, {.k1 = 1, .k2 = 1, .lambda = 0.3});
  const double ab = 0.7 * (1 - std::exp(-1.0)) + 0.3, bc = 0.7 + 0.3 * 4, ac = 0.7 + 0.3 * 9;
  CHECK(torch::equal(found.indices, torch::tensor({1, 2, 0, 2, 1, 0}, torch::kInt64).view({3, 2})));
  CHECK(torch::allclose(found.distances, torch::tensor({ab, ac, ab, bc, bc, ac}, torch::kFloat64).view({3, 2}), 1e-14));
}

TEST_CASE("rerank_k_reciprocal prefers a mutual neighbour to a nearer one that has better friends") {
  // Query 0; gallery 1, 1.05, 1.1, 1.15 and -1.07. Among three neighbours of 1, 1.05, … the query is not; of -1.07 it is the first.
  // R(query) = {query, -1.07}: d_J = 1 − exp(−1.07²) for -1.07, and 1 for the others.
  const auto gallery = line({1, 1.05, 1.1, 1.15, -1.07});
  const auto found = rerank_k_reciprocal(line({0}), gallery, 2, {}, {}, {.k1 = 3, .k2 = 1, .lambda = 0.3});
  CHECK(torch::equal(found.indices, torch::tensor({4, 0}, torch::kInt64).view({1, 2})));
  const double square = 1.07 * 1.07;
  CHECK(
      torch::allclose(found.distances, torch::tensor({0.7 * (1 - std::exp(-square)) + 0.3 * square, 1.0}, torch::kFloat64), 1e-14));
}

TEST_CASE("rerank_k_reciprocal agrees with sets and the full matrix, over many sizes and options") {
  for (std::uint64_t seed = 0; seed < 25; ++seed) {
    CAPTURE(seed);
    Generator generator(seed);
    const auto queries = 1 + generator.below(12), gallery = 1 + generator.below(30), dim = 1 + generator.below(6);
    const auto all = clusters(queries + gallery, dim, generator);
    const RerankingOptions options{.k1 = 1 + generator.below(12),
                                   .k2 = 1 + generator.below(5),
                                   .lambda = std::vector{0.0, 0.3, 1.0}[generator.below(3)],
                                   .variant = seed % 2 == 0 ? diva::Variant::fixed : diva::Variant::repo};
    const auto k = 1 + generator.below(gallery + 2);
    const auto x = all.slice(0, 0, queries), y = all.slice(0, queries);
    check_lists(rerank_k_reciprocal(x, y, k, {}, {}, options), by_sets(all, queries, queries, options), 1e-12);

    auto others = by_sets(all, all.size(0), 0, options);
    others.fill_diagonal_(INFINITY);
    check_lists(rerank_k_reciprocal(all, k, options), others, 1e-12);

    const auto query_ids = torch::arange(queries) % 3, gallery_ids = torch::arange(gallery) % 4;
    const auto masked =
        by_sets(all, queries, queries, options).masked_fill(query_ids.unsqueeze(1) == gallery_ids.unsqueeze(0), INFINITY);
    check_lists(rerank_k_reciprocal(x, y, k, query_ids, gallery_ids, options), masked, 1e-12);
    check_lists(rerank_k_reciprocal(x.to(torch::kFloat32), y.to(torch::kFloat32), k, query_ids, gallery_ids, options), masked,
                1e-4);
  }
}

TEST_CASE("rerank_k_reciprocal with λ = 1 keeps the order of the neighbours, and is the same on any number of threads") {
  Generator generator(4);
  const auto features = clusters(300, 8, generator);
  const auto plain = diva::nearest_neighbours(features, 20), kept = rerank_k_reciprocal(features, 20, {.lambda = 1});
  CHECK(torch::equal(plain.indices, kept.indices));
  CHECK(torch::allclose(plain.distances.square(), kept.distances));
  const auto many = rerank_k_reciprocal(features, 20);
  const auto threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto one = rerank_k_reciprocal(features, 20);
  at::set_num_threads(threads);
  CHECK(torch::equal(many.indices, one.indices));
  CHECK(torch::equal(many.distances, one.distances));
}

TEST_CASE("rerank_k_reciprocal of equal rows, far rows and none stays finite") {
  for (const auto variant : {diva::Variant::fixed, diva::Variant::repo}) {
    const auto equal = rerank_k_reciprocal(torch::ones({6, 3}), 5, {.k1 = 2, .variant = variant});
    CHECK(equal.distances.isfinite().all().item<bool>());
    const auto far = rerank_k_reciprocal(line({0, 1e6, -1e6, 3e6}), 3, {.variant = variant});  // exp(−10¹²) = 0
    CHECK(far.distances.isfinite().all().item<bool>());
    CHECK(far.indices[0][0].item<std::int64_t>() == 1);
    const auto alone = rerank_k_reciprocal(line({2}), 2, {.variant = variant});
    CHECK((alone.indices == -1).all().item<bool>());
  }
  CHECK(rerank_k_reciprocal(torch::empty({0, 3}), 4).indices.sizes() == torch::IntArrayRef({0, 4}));
  CHECK((rerank_k_reciprocal(line({1, 2}), torch::empty({0, 1}, torch::kFloat64), 3).indices == -1).all().item<bool>());
}

TEST_CASE("rerank_k_reciprocal refuses what it cannot use") {
  const auto points = line({0, 1, 3});
  CHECK_THROWS_AS(rerank_k_reciprocal(points, 0), diva::OptionError);
  CHECK_THROWS_AS(rerank_k_reciprocal(points, points, 0), diva::OptionError);
  CHECK_THROWS_AS(rerank_k_reciprocal(points, 1, {.k1 = 0}), diva::OptionError);
  CHECK_THROWS_AS(rerank_k_reciprocal(points, 1, {.lambda = 1.5}), diva::OptionError);
  CHECK_THROWS_AS(rerank_k_reciprocal(points, points, 1, torch::arange(3)), diva::OptionError);
  CHECK_THROWS_AS(rerank_k_reciprocal(points, torch::ones({2, 2}, torch::kFloat64), 1), diva::ShapeError);
  CHECK_THROWS_AS(rerank_k_reciprocal(points[0], 1), diva::ShapeError);
  CHECK_THROWS_AS(rerank_k_reciprocal(line({0, NAN, 1}), 1), diva::DataError);
}
