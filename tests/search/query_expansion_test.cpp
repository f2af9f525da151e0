#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/search/query_expansion.hpp>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

using diva::augment_database;
using diva::expand_queries;
using diva::Generator;

namespace {

torch::Tensor rows(std::vector<double> values) {
  const auto count = static_cast<std::int64_t>(values.size()) / 2;
  return torch::tensor(values, torch::kFloat64).view({count, 2});
}

bool near(const torch::Tensor& a, const torch::Tensor& b, double tolerance = 1e-14) {
  return a.sizes() == b.sizes() && (a - b).abs().max().item<double>() <= tolerance;
}

// Slow and obvious: loops over queries and gallery, all cosines sorted.
torch::Tensor by_loops(torch::Tensor queries, torch::Tensor gallery, bool same, std::int64_t neighbours, double alpha) {
  queries = queries.to(torch::kFloat64) / queries.to(torch::kFloat64).norm(2, 1, true);
  gallery = gallery.to(torch::kFloat64) / gallery.to(torch::kFloat64).norm(2, 1, true);
  auto result = queries.clone();
  for (std::int64_t q = 0; q < queries.size(0); ++q) {
    std::vector<std::pair<double, std::int64_t>> all;
    for (std::int64_t j = 0; j < gallery.size(0); ++j) {
      if (!same || q != j) all.emplace_back(-torch::dot(queries[q], gallery[j]).item<double>(), j);
    }
    std::ranges::sort(all);
    for (std::int64_t i = 0; i < std::min<std::int64_t>(neighbours, static_cast<std::int64_t>(all.size())); ++i) {
      const double cosine = -all[i].first;
      result[q] += (alpha == 0 ? 1 : std::pow(std::max(cosine, 0.0), alpha)) * gallery[all[i].second];
    }
    result[q] /= result[q].norm();
  }
  return result;
}

}  // namespace

TEST_CASE("expand_queries averages a query with its nearest rows") {
  // Query (1, 0); of the gallery (0, 2), (3, 3), (-1, 0), (4, 3) the two nearest are (4, 3) / 5 of cosine 0.8 and (1, 1) / √2.
  const auto query = rows({2, 0}), gallery = rows({0, 2, 3, 3, -1, 0, 4, 3});
  const double r = std::sqrt(0.5);
  const auto plain = rows({1 + 0.8 + r, 0.6 + r}), weighted = rows({1 + 0.64 * 0.8 + r * r * r, 0.64 * 0.6 + r * r * r});
  CHECK(near(expand_queries(query, gallery, {}, {}, {.neighbours = 2}), plain / plain.norm()));
  CHECK(near(expand_queries(query, gallery, {}, {}, {.neighbours = 2, .alpha = 2}), weighted / weighted.norm()));
  // With all four, (0, 1) of cosine 0 and (-1, 0) of cosine -1 have weight 0 where α > 0 and weight 1 where α = 0.
  CHECK(near(expand_queries(query, gallery, {}, {}, {.neighbours = 9, .alpha = 2}), weighted / weighted.norm()));
  const auto everything = plain + rows({-1, 1});
  CHECK(near(expand_queries(query, gallery, {}, {}, {.neighbours = 9}), everything / everything.norm()));
}

TEST_CASE("expand_queries leaves out the rows of the query's id") {
  const auto query = rows({1, 0}), gallery = rows({1, 0, 0, 1});
  const auto ids = torch::tensor({5, 7}, torch::kInt64);
  const double r = std::sqrt(0.5);
  CHECK(near(expand_queries(query, gallery, ids.slice(0, 0, 1), ids, {.neighbours = 1}), rows({r, r})));
  CHECK(near(expand_queries(query, gallery, {}, {}, {.neighbours = 1}), rows({1, 0})));
}

TEST_CASE("expand_queries gives the query where there is nothing to add or the sum is zero") {
  const auto query = rows({3, 4});
  CHECK(near(expand_queries(query, torch::empty({0, 2}, torch::kFloat64)), rows({0.6, 0.8})));
  CHECK(near(expand_queries(query, rows({-3, -4}), {}, {}, {.neighbours = 1}), rows({0.6, 0.8})));
  CHECK(expand_queries(torch::empty({0, 2}, torch::kFloat64), query).sizes() == torch::IntArrayRef({0, 2}));
  CHECK(near(augment_database(query), rows({0.6, 0.8})));
  CHECK(augment_database(torch::empty({0, 2})).sizes() == torch::IntArrayRef({0, 2}));
}

TEST_CASE("expand_queries and augment_database agree with loops over many sizes") {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    CAPTURE(seed);
    Generator generator(seed);
    const auto count = 1 + generator.below(30), gallery_count = 1 + generator.below(40), dim = 1 + generator.below(20);
    const auto neighbours = 1 + generator.below(45);
    const double alpha = std::vector{0.0, 1.0, 3.0, 0.5}[generator.below(4)];
    const auto queries = generator.normal({count, dim}, torch::kFloat64),
               gallery = generator.normal({gallery_count, dim}, torch::kFloat64);
    // One dimension has only the directions 1 and -1, whose sums may vanish.
    if (dim == 1) continue;
    CHECK(near(expand_queries(queries, gallery, {}, {}, {.neighbours = neighbours, .alpha = alpha}),
               by_loops(queries, gallery, false, neighbours, alpha), 1e-11));
    CHECK(near(augment_database(gallery, {.neighbours = neighbours, .alpha = alpha}),
               by_loops(gallery, gallery, true, neighbours, alpha), 1e-11));
    const auto narrow = augment_database(gallery.to(torch::kFloat32), {.neighbours = neighbours, .alpha = alpha});
    CHECK(narrow.scalar_type() == torch::kFloat32);
    CHECK(near(narrow.norm(2, 1), torch::ones({gallery_count}), 1e-6));
  }
}

TEST_CASE("augment_database moves a row that lies off towards its class, so that a query finds it") {
  // Ten rows of class A about (1, 0), one of which points far off; ten of class B about (0, 1).
  std::vector<double> values;
  for (int i = 0; i < 9; ++i) values.insert(values.end(), {1, 0.02 * i});
  values.insert(values.end(), {1, 0.8});
  for (int i = 0; i < 10; ++i) values.insert(values.end(), {0.02 * i, 1});
  const auto features = rows(values), augmented = augment_database(features, {.neighbours = 5});
  const auto angle = [](const torch::Tensor& row) { return std::atan2(row[1].item<double>(), row[0].item<double>()); };
  CHECK(angle(augmented[9]) < 0.5 * angle(features[9]));
}

TEST_CASE("query expansion is the same in blocks, at any scale, and refuses what it cannot use") {
  Generator generator(2);
  const auto features = generator.normal({3000, 64}, torch::kFloat64);
  const auto found = augment_database(features, {.neighbours = 40, .alpha = 3});
  CHECK(near(found.slice(0, 0, 3), by_loops(features.slice(0, 0, 3), features, true, 40, 3), 1e-11));
  CHECK(near(found.slice(0, 2990), expand_queries(features.slice(0, 2990), features, torch::arange(2990, 3000), torch::arange(3000),
                                                  {.neighbours = 40, .alpha = 3})));
  CHECK(near(augment_database(features * 1e100), augment_database(features), 1e-12));
  CHECK_THROWS_AS(augment_database(features, {.neighbours = 0}), diva::OptionError);
  CHECK_THROWS_AS(augment_database(features, {.alpha = -1}), diva::OptionError);
  CHECK_THROWS_AS(augment_database(torch::zeros({3, 2})), diva::DataError);
  CHECK_THROWS_AS(augment_database(features[0]), diva::ShapeError);
  CHECK_THROWS_AS(expand_queries(features, generator.normal({2, 3}, torch::kFloat64)), diva::ShapeError);
  CHECK_THROWS_AS(expand_queries(features, features, torch::arange(3000)), diva::OptionError);
}
