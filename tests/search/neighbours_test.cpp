#include "support/catch.hpp"

#include <torch/utils.h>
#include <diva/core/generator.hpp>
#include <diva/search/neighbours.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "../../src/search/code_errors.hpp"
#include "../../src/search/exact_neighbours.hpp"
#include "../../src/search/measured_order.hpp"
#include "../../src/search/neighbour_codes.hpp"
#include "../../src/search/neighbour_rows.hpp"
#include "../../src/search/pair_measure.hpp"
#include "../../src/search/tensor_neighbours.hpp"

using Catch::Matchers::Contains;
using diva::nearest_neighbours;
using diva::NeighbourOptions;
using diva::Neighbours;
using diva::Similarity;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr auto similarities = {Similarity::euclidean, Similarity::cosine, Similarity::dot};

torch::Tensor ids(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }

long double slow_distance(const double* x, const double* y, std::int64_t dim, Similarity similarity) {
  long double difference = 0, product = 0, xx = 0, yy = 0;
  for (std::int64_t i = 0; i < dim; ++i) {
    const long double a = x[i], b = y[i];
    difference += (a - b) * (a - b);
    product += a * b;
    xx += a * a;
    yy += b * b;
  }
  if (similarity == Similarity::euclidean) return std::sqrt(difference);
  return similarity == Similarity::dot ? -product : 1 - product / std::sqrt(xx * yy);
}

// Sorts all distances, and holds the result against them: the same distances in the same order, each that of its index, and equal
// ones in the order of their indices. `slack` is how far apart, relative to the largest distance, two may be and still count as
// equal.
void check_against_sorting(const Neighbours& found, const torch::Tensor& queries, const torch::Tensor& gallery, std::int64_t k,
                           const torch::Tensor& query_ids, const torch::Tensor& gallery_ids, Similarity similarity, double slack) {
  const auto x = queries.to(torch::kFloat64).contiguous(), y = gallery.to(torch::kFloat64).contiguous();
  const auto dim = x.size(1);
  const double unit = found.distances.scalar_type() == torch::kFloat64 ? 1e-14 : 1.2e-7;
  REQUIRE(found.indices.sizes() == torch::IntArrayRef({x.size(0), k}));
  for (std::int64_t q = 0; q < x.size(0); ++q) {
    std::vector<std::pair<double, std::int64_t>> expected;
    std::vector<double> all(y.size(0));
    for (std::int64_t j = 0; j < y.size(0); ++j) {
      all[j] = static_cast<double>(slow_distance(x.data_ptr<double>() + q * dim, y.data_ptr<double>() + j * dim, dim, similarity));
      if (query_ids.defined() && query_ids[q].item<std::int64_t>() == gallery_ids[j].item<std::int64_t>()) continue;
      expected.emplace_back(all[j], j);
    }
    std::ranges::sort(expected);
    double tolerance = slack * (expected.empty() ? 0 : std::max(std::abs(expected.front().first), std::abs(expected.back().first)));
    if (similarity == Similarity::cosine) tolerance = std::max(tolerance, 1e-15);  // 1 − cos: rounding of the 1
    std::vector<std::int64_t> seen;
    for (std::int64_t rank = 0; rank < k; ++rank) {
      const auto index = found.indices[q][rank].item<std::int64_t>();
      const auto distance = found.distances[q][rank].item<double>();
      if (rank >= static_cast<std::int64_t>(expected.size())) {
        REQUIRE(index == -1);
        REQUIRE(distance == infinity);
        continue;
      }
      REQUIRE(index >= 0);
      if (slack == 0) REQUIRE(index == expected[rank].second);
      REQUIRE(std::abs(all[index] - expected[rank].first) <= tolerance);
      REQUIRE(std::abs(distance - all[index]) <= unit * std::abs(all[index]) + tolerance);
      seen.push_back(index);
    }
    std::ranges::sort(seen);
    REQUIRE(std::ranges::adjacent_find(seen) == seen.end());
  }
}

// Every way in which this machine can search.
std::vector<diva::detail::ExactMethod> methods() {
  using diva::detail::CodeWidth;
  using diva::detail::Kernel;
  std::vector<diva::detail::ExactMethod> all = {{Kernel::plain, CodeWidth::sixteen}, {Kernel::plain, CodeWidth::eight}};
  if (diva::detail::best_kernel() >= Kernel::avx2) all.push_back({Kernel::avx2, CodeWidth::sixteen});
  if (diva::detail::best_kernel() >= Kernel::avx512) {
    all.push_back({Kernel::avx512, CodeWidth::sixteen});
    all.push_back({Kernel::avx512, CodeWidth::eight});
  }
  all.push_back({.guess = false});
  all.push_back({.list_bytes = 1});  // the queries of one tile at a time
  return all;
}

// Holds every method against the first, bit by bit, and the first against sorting where `slack` is not negative.
void check_methods(const torch::Tensor& queries, const torch::Tensor& gallery, std::int64_t k, const torch::Tensor& query_ids,
                   const torch::Tensor& gallery_ids, Similarity similarity, double slack) {
  const auto expected = nearest_neighbours(queries, gallery, k, query_ids, gallery_ids, {.similarity = similarity});
  if (slack >= 0) check_against_sorting(expected, queries, gallery, k, query_ids, gallery_ids, similarity, slack);
  for (const auto& method : methods()) {
    CAPTURE(static_cast<int>(method.kernel), static_cast<int>(method.codes), method.guess, method.list_bytes);
    const auto& search =
        queries.scalar_type() == torch::kFloat64 ? diva::detail::exact_neighbours<double> : diva::detail::exact_neighbours<float>;
    const auto found = search(queries, gallery, k, query_ids, gallery_ids, {.similarity = similarity}, method);
    REQUIRE(torch::equal(found.indices, expected.indices));
    REQUIRE(torch::equal(found.distances, expected.distances));
  }
}

NeighbourOptions tiny_tiles(Similarity similarity) { return {.similarity = similarity, .query_tile = 3, .gallery_tile = 5}; }

}  // namespace

TEST_CASE("nearest_neighbours finds the neighbours of four points on a line") {
  // 0 at 0, 1 at 1, 2 at 3, 3 at 3: from 0 the distances are 1, 3, 3; from 1: 1, 2, 2; from 2: 0 (row 3), 2, 3.
  const auto points = torch::tensor({0.0F, 1.0F, 3.0F, 3.0F}).view({4, 1});
  const auto found = nearest_neighbours(points, 3);
  CHECK(torch::equal(found.indices, ids({1, 2, 3, 0, 2, 3, 3, 1, 0, 2, 1, 0}).view({4, 3})));
  CHECK(torch::equal(found.distances, torch::tensor({1.F, 3.F, 3.F, 1.F, 2.F, 2.F, 0.F, 2.F, 3.F, 0.F, 2.F, 3.F}).view({4, 3})));
}

TEST_CASE("nearest_neighbours orders by direction under cosine and by product under dot") {
  // Query (1, 0) against (0, 1), (3, 3), (0.5, 0), (-1, 0). Cosines 0, 1/√2, 1, -1; products 0, 3, 0.5, -1.
  const auto query = torch::tensor({1.F, 0.F}).view({1, 2});
  const auto gallery = torch::tensor({0.F, 1.F, 3.F, 3.F, 0.5F, 0.F, -1.F, 0.F}).view({4, 2});
  const auto cosine = nearest_neighbours(query, gallery, 4, {}, {}, {.similarity = Similarity::cosine});
  CHECK(torch::equal(cosine.indices, ids({2, 1, 0, 3}).view({1, 4})));
  CHECK(torch::allclose(cosine.distances, torch::tensor({0.F, 0.29289322F, 1.F, 2.F}).view({1, 4})));
  const auto dot = nearest_neighbours(query, gallery, 4, {}, {}, {.similarity = Similarity::dot});
  CHECK(torch::equal(dot.indices, ids({1, 2, 0, 3}).view({1, 4})));
  CHECK(torch::equal(dot.distances, torch::tensor({-3.F, -0.5F, 0.F, 1.F}).view({1, 4})));
}

TEST_CASE("nearest_neighbours agrees with sorting all distances, over many random sizes, types and tiles") {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    CAPTURE(seed);
    diva::Generator generator(seed);
    const auto rows = 1 + generator.below(40), columns = 1 + generator.below(60), dim = 1 + generator.below(40);
    const auto k = 1 + generator.below(columns + 3);
    const auto type = generator.below(2) ? torch::kFloat32 : torch::kFloat64;
    const auto queries = generator.normal({rows, dim}, type), gallery = generator.normal({columns, dim}, type);
    torch::Tensor query_ids, gallery_ids;
    if (generator.below(2)) {
      query_ids = (generator.uniform({rows}) * 6).to(torch::kInt64);
      gallery_ids = (generator.uniform({columns}) * 6).to(torch::kInt64);
    }
    for (const auto similarity : similarities) {
      for (const auto& options : {tiny_tiles(similarity), NeighbourOptions{.similarity = similarity}}) {
        check_against_sorting(nearest_neighbours(queries, gallery, k, query_ids, gallery_ids, options), queries, gallery, k,
                              query_ids, gallery_ids, similarity, 1e-14);
        check_against_sorting(diva::detail::neighbours_by_tensor_operations(queries, gallery, k, query_ids, gallery_ids, options),
                              queries, gallery, k, query_ids, gallery_ids, similarity, 1e-14);
      }
    }
  }
}

TEST_CASE("nearest_neighbours puts ties in the order of their indices") {
  // Small integers: every distance is exact, and most occur often; rows occur many times. More than 2k + 64 rows lie equally near.
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    diva::Generator generator(seed);
    const auto dim = 1 + generator.below(3), columns = 200 + generator.below(600), k = 1 + generator.below(20);
    const auto gallery = (generator.uniform({columns, dim}) * 3).floor() + 1,
               queries = (generator.uniform({7, dim}) * 3).floor() + 1;
    for (const auto similarity : {Similarity::euclidean, Similarity::dot}) {
      check_against_sorting(nearest_neighbours(queries, gallery, k, {}, {}, {.similarity = similarity}), queries, gallery, k, {},
                            {}, similarity, 0);
      check_against_sorting(nearest_neighbours(queries, gallery, k, {}, {}, tiny_tiles(similarity)), queries, gallery, k, {}, {},
                            similarity, 0);
    }
  }
}

TEST_CASE("nearest_neighbours tells rows apart that differ in the last bits, whatever their common offset and scale") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    diva::Generator generator(seed);
    const auto dim = 2 + generator.below(60), columns = std::int64_t{400}, k = 1 + generator.below(30);
    const auto offset = std::array{0.0, 1.0, 1e3, 1e6}[generator.below(4)],
               scale = std::array{1e-25, 1.0, 1e25}[generator.below(3)];
    const auto identity = torch::arange(columns, torch::kInt64), queried = identity.slice(0, 0, 25);
    // Twenty clusters whose members differ by a few units in the last place of float32, with exact copies among them.
    const auto centres = generator.normal({20, dim}, torch::kFloat64);
    const auto noise =
        generator.normal({columns, dim}, torch::kFloat64) * 1e-7 * (generator.uniform({columns, 1}, torch::kFloat64) > 0.3);
    const auto gallery = ((centres.repeat({columns / 20, 1}) + noise + offset) * scale).to(torch::kFloat32);
    for (const auto similarity : similarities) {
      if (similarity == Similarity::dot && scale != 1) continue;  // float32 has no products of 1e50
      // What remains is rounding in double: nothing for equal rows; cosine and dot lose a digit where their sums cancel.
      check_against_sorting(nearest_neighbours(gallery.slice(0, 0, 25), gallery, k, queried, identity, tiny_tiles(similarity)),
                            gallery.slice(0, 0, 25), gallery, k, queried, identity, similarity, 1e-14);
    }
  }
}

TEST_CASE("nearest_neighbours gives the same bits for every tile size") {
  diva::Generator generator(5);
  const auto features = generator.normal({700, 24}) + 50;
  for (const auto similarity : similarities) {
    const auto expected = nearest_neighbours(features, 20, {.similarity = similarity});
    for (const std::int64_t tile : {1, 7, 64, 1000}) {
      const auto found =
          nearest_neighbours(features, 20, {.similarity = similarity, .query_tile = 2 * tile + 1, .gallery_tile = tile});
      CHECK(torch::equal(found.indices, expected.indices));
      CHECK(torch::equal(found.distances, expected.distances));
    }
  }
}

TEST_CASE("nearest_neighbours ranks all others when k is the whole gallery") {
  diva::Generator generator(6);
  const auto features = generator.normal({300, 16});
  const auto found = nearest_neighbours(features, 299);
  const auto everyone = std::get<0>(torch::cat({found.indices, torch::arange(300).view({300, 1})}, 1).sort(1));
  CHECK(torch::equal(everyone, torch::arange(300).expand({300, 300})));
  CHECK((found.distances.slice(1, 1) >= found.distances.slice(1, 0, 298)).all().item<bool>());
}

TEST_CASE("nearest_neighbours excludes by id and never by rank") {
  // Rows 0 and 1 are equal: each is the other's nearest neighbour. With one id for both, neither finds the other.
  const auto features = torch::tensor({1.F, 1.F, 2.F, 5.F}).view({4, 1});
  CHECK(torch::equal(nearest_neighbours(features, 1).indices.flatten(), ids({1, 0, 0, 2})));
  const auto same = ids({9, 9, 4, 5});
  CHECK(torch::equal(nearest_neighbours(features, features, 1, same, same).indices.flatten(), ids({2, 2, 0, 2})));
  // Without ids a row finds itself.
  CHECK(torch::equal(nearest_neighbours(features, features, 1).indices.flatten(), ids({0, 0, 2, 3})));
}

TEST_CASE("nearest_neighbours fills up with -1 and infinity where the gallery ends") {
  const auto features = torch::tensor({1.F, 2.F}).view({2, 1});
  const auto found = nearest_neighbours(features, 3);
  CHECK(torch::equal(found.indices, ids({1, -1, -1, 0, -1, -1}).view({2, 3})));
  CHECK(torch::equal(found.distances.isinf(), torch::tensor({false, true, true, false, true, true}).view({2, 3})));
  const auto empty = nearest_neighbours(features, torch::empty({0, 1}), 2);
  CHECK((empty.indices == -1).all().item<bool>());
  CHECK(nearest_neighbours(torch::empty({0, 1}), features, 2).indices.sizes() == torch::IntArrayRef({0, 2}));
}

TEST_CASE("nearest_neighbours takes strided, 16-bit and gradient-carrying features") {
  diva::Generator generator(8);
  const auto wide = generator.normal({8, 50}).t().slice(1, 0, 5);  // not contiguous
  const auto expected = nearest_neighbours(wide.contiguous(), 4);
  CHECK(torch::equal(nearest_neighbours(wide, 4).indices, expected.indices));
  const auto learned = wide.clone().requires_grad_();
  CHECK_FALSE(nearest_neighbours(learned, 4).distances.requires_grad());
  const auto half = wide.to(torch::kBFloat16);
  const auto found = nearest_neighbours(half, 4);
  CHECK(found.distances.scalar_type() == torch::kFloat32);
  CHECK(torch::equal(found.indices, nearest_neighbours(half.to(torch::kFloat32), 4).indices));
}

TEST_CASE("nearest_neighbours refuses what it cannot rank and says what and where") {
  const auto x = torch::randn({4, 3});
  CHECK_THROWS_WITH(nearest_neighbours(x, 0), "nearest_neighbours: k must be at least 1, got 0");
  CHECK_THROWS_AS(nearest_neighbours(torch::randn({4}), 1), diva::ShapeError);
  CHECK_THROWS_AS(nearest_neighbours(x, torch::randn({4, 2}), 1), diva::ShapeError);
  CHECK_THROWS_AS(nearest_neighbours(x, x.to(torch::kFloat64), 1), diva::ShapeError);
  CHECK_THROWS_AS(nearest_neighbours(x, x, 1, ids({1, 2, 3}), ids({1, 2, 3, 4})), diva::ShapeError);
  CHECK_THROWS_AS(nearest_neighbours(x, x, 1, ids({1, 2, 3, 4})), diva::OptionError);
  CHECK_THROWS_AS(nearest_neighbours(x, 1, {.query_tile = 0}), diva::OptionError);

  auto broken = x.clone();
  broken[1][2] = NAN;
  broken[3][0] = INFINITY;
  for (const auto similarity : similarities) {
    CHECK_THROWS_AS(nearest_neighbours(broken, 1, {.similarity = similarity}), diva::DataError);
  }
  CHECK_THROWS_WITH(nearest_neighbours(x, broken, 1), Contains("gallery") && Contains("2 values of NaN or infinity"));
  CHECK_THROWS_WITH(nearest_neighbours(broken, 1), Contains("features") && Contains("2 values"));
  CHECK_THROWS_WITH(nearest_neighbours(broken, x, 1), Contains("queries") && Contains("2 values"));
  CHECK_THROWS_AS(nearest_neighbours(broken, torch::empty({0, 3}), 1), diva::DataError);
  CHECK_THROWS_WITH(nearest_neighbours(torch::full({2, 2}, 1e200, torch::kFloat64), torch::zeros({1, 2}, torch::kFloat64), 1),
                    Contains("1e150"));

  auto flat = x.clone();
  flat[2].zero_();
  CHECK_THROWS_WITH(nearest_neighbours(x, flat, 1, {}, {}, {.similarity = Similarity::cosine}),
                    Contains("gallery") && Contains("1 rows of length 0"));
  CHECK_NOTHROW(nearest_neighbours(x, flat, 1, {}, {}, {.similarity = Similarity::dot}));
}

TEST_CASE("nearest_neighbours gives the same bits by every kernel, width of codes and guess, for rows of any kind") {
  for (std::uint64_t seed = 0; seed < 48; ++seed) {
    CAPTURE(seed);
    diva::Generator generator(seed);
    const auto type = generator.below(3) ? torch::kFloat32 : torch::kFloat64;
    const auto count = 30 + generator.below(170), dim = 1 + generator.below(90),
               k = 1 + generator.below(generator.below(4) ? 12 : count + 5);
    auto rows = generator.normal({count, dim}, torch::kFloat64);
    const auto kind = seed % 6;
    // Rows of every length from 1e-9 to 1e9; one coordinate that drowns the rest; near-copies; copies; a far offset; as they are.
    if (kind == 0) rows *= torch::pow(10.0, generator.uniform({count, 1}, torch::kFloat64) * 18 - 9);
    if (kind == 1) rows.select(1, 0).mul_(1e4);
    if (kind == 2) rows = rows.slice(0, 0, 3).repeat({count / 3 + 1, 1}).slice(0, 0, count) + 1e-6 * rows;
    if (kind == 3) rows = rows.slice(0, 0, 4).repeat({count / 4 + 1, 1}).slice(0, 0, count).contiguous();
    if (kind == 4) rows += 1e4;
    rows = rows.to(type);
    torch::Tensor ids;
    if (generator.below(2)) ids = (generator.uniform({count}) * static_cast<double>(count / 2)).to(torch::kInt64);
    for (const auto similarity : similarities) {
      CAPTURE(diva::to_string(similarity));
      check_methods(rows, rows, k, ids, ids, similarity, 1e-13);
      const auto queries = (rows.slice(0, 0, 20) * 1.25).contiguous();
      check_methods(queries, rows, k, ids.defined() ? ids.slice(0, 0, 20) : ids, ids, similarity, 1e-13);
    }
  }
}

TEST_CASE("nearest_neighbours agrees by every method on many tiles, where limits are guessed") {
  diva::Generator generator(10);
  // Classes stand together, as in a data set; the last rows are all one point, more than a list holds.
  auto features = generator.normal({130, 1, 40}).expand({130, 20, 40}).reshape({2600, 40}) + 0.5 * generator.normal({2600, 40});
  features.slice(0, 2400).copy_(features[0].expand({200, 40}));
  const auto identity = torch::arange(2600, torch::kInt64);
  for (const std::int64_t k : {1, 7, 150}) {
    for (const auto similarity : similarities) check_methods(features, features, k, identity, identity, similarity, -1);
  }
  const auto queries = features.slice(0, 0, 2600, 130).contiguous();
  check_against_sorting(nearest_neighbours(queries, features, 60), queries, features, 60, {}, {}, Similarity::euclidean, 1e-14);
}

TEST_CASE("nearest_neighbours searches again where the sample of the gallery misled the guess of a limit") {
  // Limits are guessed from the first 960 rows of the spread order: for k = 100 of 3000, the 53rd score there (32 expected, three
  // deviations, 4). All 60 rows near the centre stand in this sample, so that the guess leaves their queries 59 or 60 neighbours.
  diva::Generator generator(14);
  constexpr std::int64_t count = 3000, k = 100;
  auto features = generator.normal({count, 16});
  features = 100 * features / features.norm(2, 1, true);
  const auto order = diva::detail::spread_order(count);
  std::vector<std::int64_t> near;
  for (std::int64_t place = 0; place < 960; place += 16) near.push_back(order[place]);
  for (const auto row : near) features[row].mul_(1e-3);

  const auto queries = features.index_select(0, ids(near)), identity = torch::arange(count, torch::kInt64);
  check_methods(queries.slice(0, 0, 10).contiguous(), features, k, {}, {}, Similarity::euclidean, 1e-14);
  check_methods(features, features, k, identity, identity, Similarity::euclidean, -1);
  const auto found = nearest_neighbours(features, k), asked = nearest_neighbours(queries, features, k, ids(near), identity);
  CHECK(torch::equal(found.indices.index_select(0, ids(near)), asked.indices));
  CHECK(asked.distances.isfinite().all().item<bool>());
}

TEST_CASE("nearest_neighbours takes rows of 1 to 4096 dimensions, and thousands of copies") {
  diva::Generator generator(11);
  for (const std::int64_t dim : {1, 2, 3, 5, 31, 33, 255, 1025, 4096}) {
    CAPTURE(dim);
    const auto features = generator.normal({70, dim});
    for (const auto similarity : similarities) check_methods(features, features, 5, {}, {}, similarity, 1e-13);
  }
  const auto same = torch::full({3000, 9}, 0.1);
  const auto found = nearest_neighbours(same, 2);
  CHECK(torch::equal(found.indices.slice(0, 2), torch::tensor({0, 1}, torch::kInt64).expand({2998, 2})));
  CHECK((found.distances == 0).all().item<bool>());
}

TEST_CASE("nearest_neighbours puts rows in order whose distances round to one number") {
  // From the origin to (1, n 2⁻²⁰), n < 200: √(1 + n² 2⁻⁴⁰) < 1 + 2⁻²⁵, which is 1 in float32. More of them than a list of 12
  // holds.
  const auto far = (torch::arange(200, torch::kInt64) * 77).remainder(200);  // in another order: 77 and 200 have no common divisor
  const auto wide = torch::stack({torch::ones({200}), far * 0x1p-20}, 1).to(torch::kFloat32), asked = torch::zeros({1, 2});
  for (const std::int64_t k : {1, 7, 12, 40, 200}) {
    const auto found = nearest_neighbours(asked, wide, k);
    CHECK(torch::equal(far.index_select(0, found.indices[0]), torch::arange(k)));
    CHECK((found.distances == 1).all().item<bool>());
    check_methods(asked, wide, k, {}, {}, Similarity::euclidean, -1);
  }
}

TEST_CASE("visit_neighbours hands over every query's list once, the same as nearest_neighbours") {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    CAPTURE(seed);
    diva::Generator generator(seed);
    const auto count = 1 + generator.below(300), dim = 1 + generator.below(30), k = 1 + generator.below(count + 3);
    const auto type = generator.below(3) ? torch::kFloat32 : torch::kFloat64;
    // Many equal rows now and then: guesses fail and lists run over.
    auto features = generator.normal({count, dim}, type);
    if (seed % 3 == 0) features = features.slice(0, 0, 2).repeat({count / 2 + 1, 1}).slice(0, 0, count).contiguous();
    const auto queries = seed % 2 ? features : generator.normal({1 + generator.below(50), dim}, type);
    const auto names = torch::arange(count, torch::kInt64), own = names.slice(0, 0, queries.size(0));
    if (queries.size(0) > count) continue;
    for (const auto similarity : similarities) {
      const auto expected = nearest_neighbours(queries, features, k, own, names, {.similarity = similarity});
      const auto search =
          type == torch::kFloat32 ? diva::detail::visit_exact_neighbours<float> : diva::detail::visit_exact_neighbours<double>;
      for (const std::int64_t at_once : {std::int64_t{1}, 3 * k, std::int64_t{1} << 22}) {
        auto seen = torch::zeros({queries.size(0)}, torch::kInt64);
        const auto visit = [&](const torch::Tensor& rows, const Neighbours& found) {
          REQUIRE(rows.size(0) <= std::max<std::int64_t>(1, at_once / k));
          REQUIRE(torch::equal(found.indices, expected.indices.index_select(0, rows)));
          REQUIRE(torch::equal(found.distances, expected.distances.index_select(0, rows)));
          seen.index_add_(0, rows, torch::ones_like(rows));
        };
        search(queries, features, k, own, names, {.similarity = similarity}, at_once, visit, {.list_bytes = at_once});
        REQUIRE((seen == 1).all().item<bool>());
      }
    }
  }
}

TEST_CASE("visit_neighbours finds nobody in an empty gallery, and refuses what nearest_neighbours does") {
  std::int64_t seen = 0;
  const auto count = [&](const torch::Tensor& rows, const Neighbours& found) {
    seen += rows.size(0);
    CHECK((found.indices == -1).all().item<bool>());
  };
  diva::visit_neighbours(torch::ones({5, 2}), torch::empty({0, 2}), 3, count);
  CHECK(seen == 5);
  diva::visit_neighbours(torch::empty({0, 2}), torch::ones({5, 2}), 3, count);
  CHECK(seen == 5);
  CHECK_THROWS_AS(diva::visit_neighbours(torch::ones({5, 2}), torch::ones({5, 3}), 3, count), diva::ShapeError);
  CHECK_THROWS_AS(diva::visit_neighbours(torch::ones({5, 2}), torch::ones({5, 2}), 0, count), diva::OptionError);
  CHECK_THROWS_AS(diva::visit_neighbours(torch::full({5, 2}, NAN), torch::ones({5, 2}), 1, count), diva::DataError);
}

TEST_CASE("nearest_neighbours masks sequences as it masks samples: by equal ids") {
  // Four photographs of each of 50 sequences, almost equal: none may find another of its own.
  diva::Generator generator(12);
  const auto features = generator.normal({50, 1, 12}).expand({50, 4, 12}).reshape({200, 12}) + 0.01 * generator.normal({200, 12});
  const auto sequences = torch::arange(200, torch::kInt64).div(4, "floor");
  const auto found = nearest_neighbours(features, features, 196, sequences, sequences);
  CHECK_FALSE((found.indices.div(4, "floor") == sequences.unsqueeze(1)).any().item<bool>());
  CHECK(found.distances.isfinite().all().item<bool>());
  CHECK((nearest_neighbours(features, features, 197, sequences, sequences).indices.select(1, 196) == -1).all().item<bool>());
  check_methods(features, features, 9, sequences, sequences, Similarity::euclidean, 1e-14);
}

TEST_CASE("nearest_neighbours does not depend on the number of threads") {
  diva::Generator generator(13);
  const auto features = generator.normal({1500, 20});
  const auto threads = at::get_num_threads();
  const auto expected = nearest_neighbours(features, 30);
  at::set_num_threads(threads == 1 ? 3 : 1);
  const auto found = nearest_neighbours(features, 30);
  at::set_num_threads(threads);
  CHECK(torch::equal(found.indices, expected.indices));
  CHECK(torch::equal(found.distances, expected.distances));
}

TEST_CASE("codes of rows differ from the rows by no more than they say") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    diva::Generator generator(seed);
    const auto count = 1 + generator.below(40), dim = 1 + generator.below(200);
    auto rows = generator.normal({count, dim}) * torch::pow(10.0, generator.uniform({count, 1}) * 12 - 6);
    if (seed % 3 == 0) rows *= (generator.uniform({count, dim}) < 0.1);  // mostly zeros
    const auto centre = generator.normal({dim}, torch::kFloat64);
    const std::vector<double> times{0.75}, shift(centre.data_ptr<double>(), centre.data_ptr<double>() + dim);
    const auto a = rows.to(torch::kFloat64) * 0.75 - centre;
    const auto products = a.mm(a.t());
    const auto fine = diva::detail::encode_rows<float>({rows.data_ptr<float>(), count, dim, {}, times, shift, true}, false);
    for (const bool narrow : {true, false}) {
      const auto codes = diva::detail::encode_rows<float>({rows.data_ptr<float>(), count, dim, {}, times, shift, true}, narrow);
      const auto code = [&](std::int64_t row, std::int64_t i) -> std::int64_t {
        const std::int64_t terms = narrow ? 4 : 2;
        const auto* at = codes.panel(row / 16) + (i / terms) * 64 + row % 16 * 4 + i % terms * (4 / terms);
        if (narrow) return static_cast<std::int8_t>(*at);
        std::int16_t value = 0;
        std::memcpy(&value, at, 2);
        return value;
      };
      for (std::int64_t p = 0; p < count; ++p) {
        REQUIRE(std::abs(codes.offset[p] - products[p][p].item<double>()) <= codes.offset_error[p] + 1e-12 * codes.offset[p]);
        REQUIRE(codes.reach[p] >= std::sqrt(products[p][p].item<double>()));
        std::int64_t own = 0;
        for (std::int64_t i = 0; i < dim; ++i) own += code(p, i);
        REQUIRE(codes.start[p] == (narrow ? -128 * own : 0));
        for (std::int64_t q = 0; q < count; ++q) {
          std::int64_t sum = 0;
          for (std::int64_t i = 0; i < dim; ++i) sum += code(p, i) * code(q, i);
          REQUIRE(std::abs(sum) <= std::numeric_limits<std::int32_t>::max());
          REQUIRE(codes.fine.factor[p] == fine.factor[p]);
          REQUIRE(codes.fine.bounds[p].residual == fine.residual[p]);
          REQUIRE(codes.fine.bounds[p].reach == fine.reach[p]);
          const double product = static_cast<double>(codes.factor[p]) * codes.factor[q] * static_cast<double>(sum);
          const double bound = double{codes.residual[p]} * codes.reach[q] + double{codes.reach[p]} * codes.residual[q];
          REQUIRE(std::abs(product - products[p][q].item<double>()) <= bound);
        }
      }
    }
  }
}

TEST_CASE("scores by codes of 16 bits are off by no more than CodeErrors says, and all kernels sum them up alike") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    diva::Generator generator(seed);
    const auto count = 1 + generator.below(40), dim = 1 + generator.below(200);
    auto rows = generator.normal({count, dim}) * torch::pow(10.0, generator.uniform({count, 1}) * 12 - 6);
    if (seed % 3 == 0) rows[0].zero_();
    const bool squares = seed % 2 == 0;
    const double factor = squares ? 2 : 1;
    const auto centre = squares ? rows.mean(0).to(torch::kFloat64) : torch::zeros({dim}, torch::kFloat64);
    const std::vector<double> times{1}, shift(centre.data_ptr<double>(), centre.data_ptr<double>() + dim);
    const auto codes = diva::detail::encode_rows<float>({rows.data_ptr<float>(), count, dim, {}, times, shift, squares}, true);
    const auto& fine = codes.fine;
    const diva::detail::CodeErrors errors(codes, codes, factor, centre.norm().item<double>(), 0);
    std::vector<std::uint32_t> pairs;
    for (std::uint32_t p = 0; p < count; ++p) {
      for (std::uint32_t q = 0; q < count; ++q) pairs.push_back(p << 16 | q);
    }
    std::vector<std::int32_t> sums(pairs.size()), others(pairs.size());
    const diva::detail::SurvivorRows of{fine.row(0), fine.row(0), fine.stride, pairs.data(), std::ssize(pairs)};
    diva::detail::survivor_products(diva::detail::Kernel::plain, of, sums.data());
    diva::detail::survivor_products(diva::detail::best_kernel(), of, others.data());
    REQUIRE(sums == others);
    const auto a = rows.to(torch::kFloat64);
    for (std::size_t n = 0; n < pairs.size(); ++n) {
      const std::int64_t p = pairs[n] >> 16, q = pairs[n] & 0xFFFF;
      std::int64_t sum = 0;
      for (std::int64_t i = 0; i < fine.stride; ++i) sum += std::int64_t{fine.row(p)[i]} * fine.row(q)[i];
      REQUIRE(sums[n] == sum);
      const double d = squares ? (a[p] - a[q]).square().sum().item<double>() : -a[p].dot(a[q]).item<double>();
      const float product = static_cast<float>(sums[n]) * fine.factor[q] * (static_cast<float>(factor) * fine.factor[p]);
      const float score = codes.offset[p] + codes.offset[q] - product;
      REQUIRE(std::abs(score - d) <= errors(p, q));
    }
  }
}

TEST_CASE("distances by way of products round as direct sums do") {
  using diva::detail::Kernel;
  using diva::detail::Rows;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    diva::Generator generator(seed);
    const std::int64_t count = 40, dim = 1 + generator.below(100);
    auto rows = generator.normal({count, dim}, torch::kFloat64);
    const auto kind = seed % 6;
    // Near-copies and copies, whose sums by products are all error; an offset, small or so large that sums are direct from the
    // start; rows of very different lengths; as they are.
    if (kind == 0) rows = rows.slice(0, 0, 4).repeat({10, 1}) + 1e-6 * rows;
    if (kind == 1) rows = rows.slice(0, 0, 4).repeat({10, 1});
    if (kind == 2) rows += 30;
    if (kind == 3) rows += 1e5;
    if (kind == 4) rows *= torch::pow(10.0, generator.uniform({count, 1}, torch::kFloat64) * 12 - 6);
    const auto features = rows.to(torch::kFloat32).contiguous();
    const Rows<float> all{"features", features.data_ptr<float>(), nullptr, count, dim};
    const std::vector<double> centre = diva::detail::mean_of(all, std::vector<double>{1.0}), nowhere(dim, 0.0);
    for (const auto kernel : {Kernel::plain, Kernel::avx2, Kernel::avx512}) {
      if (kernel > diva::detail::best_kernel()) continue;
      for (const auto similarity : similarities) {
        const auto lengths = diva::detail::lengths_about(similarity == Similarity::euclidean ? centre : nowhere, all, kernel);
        const diva::detail::PairMeasure<float> measure(kernel, similarity, all, all, lengths, lengths);
        diva::detail::PairMeasure<float>::Workspace work;
        std::vector<std::int32_t> others(count);
        for (std::int32_t n = 0; n < count; ++n) others[n] = n;
        for (std::int64_t query = 0; query < count; ++query) {
          std::vector<float> found(count);
          measure.round_distances(query, others, found.data(), work);
          std::vector<diva::detail::MeasuredRow> direct;
          for (const auto other : others) direct.push_back({0, other});
          measure.measure(query, direct, work);
          for (std::int64_t n = 0; n < count; ++n) {
            const double distance = similarity == Similarity::euclidean ? std::sqrt(direct[n].distance) : direct[n].distance;
            REQUIRE(found[n] == static_cast<float>(distance));
          }
        }
      }
    }
  }
}

TEST_CASE("measured rows are sorted by distance, then index, however their distances lie") {
  diva::detail::MeasuredOrder order;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    diva::Generator generator(seed);
    const auto count = 1 + generator.below(2000), listed = 1 + generator.below(count);
    std::vector<diva::detail::MeasuredRow> rows;
    for (std::int64_t i = 0; i < count; ++i) {
      const auto index = static_cast<std::int32_t>((i * 7919 + 5) % 1000003);
      // Few values, all different, some farther than all others by 1e300, or all negative.
      const double value = generator.normal({1}, torch::kFloat64).item<double>();
      const auto distance =
          std::array{std::floor(4 * value), value, i % 50 ? value : 1e300 * value, -1e-300 * std::abs(value)}[seed % 4];
      rows.push_back({distance, index});
    }
    auto expected = rows;
    std::ranges::sort(expected);
    expected.resize(listed);
    order.sort(rows, listed);
    CHECK(std::ranges::equal(rows, expected));
  }
}
