#include "support/catch.hpp"

#include <ATen/Parallel.h>
#include <diva/core/error.hpp>
#include <diva/core/files.hpp>
#include <diva/core/generator.hpp>
#include <diva/search/index.hpp>

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "support/temporary_folder.hpp"

using Catch::Matchers::Contains;
using diva::Generator;
using diva::Index;
using diva::IndexKind;
using diva::IndexOptions;
using diva::nearest_neighbours;
using diva::Neighbours;
using diva::Similarity;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr auto kinds = {IndexKind::flat, IndexKind::ivf, IndexKind::hnsw, IndexKind::pq, IndexKind::ivf_pq};
constexpr auto similarities = {Similarity::euclidean, Similarity::cosine, Similarity::dot};

torch::Tensor integers(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }

// Clusters of twenty, as embeddings are. Drawn in statements of their own: within one, each compiler has its own order.
torch::Tensor clustered(std::int64_t count, std::int64_t dim, std::uint64_t seed) {
  Generator generator(seed);
  const auto noise = 0.3 * generator.normal({count, dim});
  return generator.normal({(count + 19) / 20, dim}).repeat({20, 1}).slice(0, 0, count) + noise;
}

IndexOptions small(IndexKind kind, Similarity similarity = Similarity::euclidean) {
  return {
      .kind = kind, .similarity = similarity, .lists = 16, .probes = 8, .links = 8, .construction_breadth = 40, .code_bytes = 8};
}

Index filled(const IndexOptions& options, const torch::Tensor& rows, const torch::Tensor& ids) {
  Index index(rows.size(1), options);
  index.train(rows);
  index.add(rows, ids);
  return index;
}

bool same(const Neighbours& a, const Neighbours& b) {
  return torch::equal(a.indices, b.indices) && torch::equal(a.distances, b.distances);
}

// The share of the true neighbours that were found; ids are positions.
double recall(const torch::Tensor& found, const torch::Tensor& expected) {
  return (found.unsqueeze(2) == expected.unsqueeze(1)).any(2).to(torch::kFloat64).mean().item<double>();
}

}  // namespace

TEST_CASE("a flat index finds four points on a line by the user's ids") {
  // 0 under id 40, 1 under 30, 3 under 20 and 10; from 1 the distances are 1, 0, 2, 2, from 4: 4, 3, 1, 1.
  Index index(1);
  index.add(torch::tensor({0.F, 1.F, 3.F, 3.F}).view({4, 1}), integers({40, 30, 20, 10}));
  CHECK(index.size() == 4);
  CHECK(torch::equal(index.ids(), integers({40, 30, 20, 10})));
  const auto found = index.search(torch::tensor({1.F, 4.F}).view({2, 1}), 5);
  CHECK(torch::equal(found.indices, integers({30, 40, 20, 10, -1, 20, 10, 30, 40, -1}).view({2, 5})));
  const auto inf = static_cast<float>(infinity);
  CHECK(torch::equal(found.distances, torch::tensor({0.F, 1.F, 2.F, 2.F, inf, 1.F, 1.F, 3.F, 4.F, inf}).view({2, 5})));
  CHECK(index.remove(integers({30, 10, 999})) == 2);
  CHECK(torch::equal(index.search(torch::full({1, 1}, 1.F), 3).indices, integers({40, 20, -1}).view({1, 3})));
  index.add(torch::full({1, 1}, 1.5F), integers({30}));
  CHECK(torch::equal(index.search(torch::full({1, 1}, 1.F), 3).indices, integers({30, 40, 20}).view({1, 3})));
}

TEST_CASE("indexes that hold all rows agree with nearest_neighbours when they read everything") {
  const auto rows = clustered(400, 12, 1), queries = clustered(37, 12, 2);
  for (const auto similarity : similarities) {
    const auto expected = nearest_neighbours(queries, rows, 15, {}, {}, {.similarity = similarity});
    for (const auto kind : {IndexKind::flat, IndexKind::ivf, IndexKind::hnsw}) {
      CAPTURE(to_string(kind), to_string(similarity));
      const auto index = filled(small(kind, similarity), rows, torch::arange(400));
      const auto found = index.search(queries, 15, {.probes = 16, .search_breadth = 400});
      CHECK(found.distances.scalar_type() == torch::kFloat32);
      if (kind == IndexKind::flat) {
        CHECK(same(found, expected));
      } else {
        CHECK(recall(found.indices, expected.indices) > 0.999);
        CHECK(torch::allclose(found.distances, expected.distances, 1e-5, 1e-6));
      }
    }
  }
}

TEST_CASE("indexes find most neighbours while they read a part") {
  const auto rows = clustered(3000, 16, 3), queries = clustered(3000, 16, 3).slice(0, 0, 100) + 0.01;
  for (const auto similarity : similarities) {
    const auto expected = nearest_neighbours(queries, rows, 10, {}, {}, {.similarity = similarity});
    for (const auto kind : kinds) {
      CAPTURE(to_string(kind), to_string(similarity));
      const auto found = filled(small(kind, similarity), rows, torch::arange(3000)).search(queries, 10);
      // Codes of 8 bytes for 16 values blur the order within a cluster.
      const bool coded = kind == IndexKind::pq || kind == IndexKind::ivf_pq;
      CHECK(recall(found.indices, expected.indices) > (coded ? 0.7 : 0.9));
      CHECK((found.distances.slice(1, 1) >= found.distances.slice(1, 0, 9)).all().item<bool>());
    }
  }
}

TEST_CASE("a pq index measures exactly what its codes can say") {
  // Each of the four parts of a row takes one of 5 values, far fewer than the 256 that a byte tells apart, so every part is a
  // centroid.
  Generator generator(4);
  const auto parts = generator.normal({5, 8});
  auto rows = torch::empty({600, 8});
  for (std::int64_t part = 0; part < 4; ++part) {
    const auto chosen = (generator.uniform({600}) * 5).to(torch::kInt64);
    rows.slice(1, 2 * part, 2 * part + 2).copy_(parts.index_select(0, chosen).slice(1, 2 * part, 2 * part + 2));
  }
  const auto queries = generator.normal({20, 8});
  for (const auto similarity : {Similarity::euclidean, Similarity::dot}) {
    Index index(8, {.kind = IndexKind::pq, .similarity = similarity, .code_bytes = 4});
    index.train(rows);
    index.add(rows, torch::arange(600));
    const auto expected = nearest_neighbours(queries, rows, 30, {}, {}, {.similarity = similarity});
    CHECK(torch::allclose(index.search(queries, 30).distances, expected.distances, 1e-4, 1e-4));
  }
}

TEST_CASE("removed rows are never found, and all others are, as if they had not been added") {
  const auto rows = clustered(600, 8, 5), queries = rows.slice(0, 0, 60);
  const auto identity = torch::arange(600);
  for (const auto kind : kinds) {
    CAPTURE(to_string(kind));
    auto index = filled(small(kind), rows, identity);
    for (const std::int64_t step : {7, 3, 2}) {
      // Every seventh, then every third of all, then all even ones: more than half in the end.
      index.remove(identity.index({identity % step == 0}));
      auto gone = identity % 7 == 0;
      if (step < 7) gone = gone.logical_or(identity % 3 == 0);
      if (step < 3) gone = gone.logical_or(identity % 2 == 0);
      const auto left = identity.index({gone.logical_not()});
      REQUIRE(torch::equal(index.ids(), left));
      REQUIRE(index.size() == left.size(0));
      const auto found = index.search(queries, 20, {.probes = 16, .search_breadth = 200});
      REQUIRE((found.indices >= 0).all().item<bool>());
      REQUIRE_FALSE(gone.index_select(0, found.indices.flatten()).any().item<bool>());
      // Codes and lists depend on what was learnt, so all rows are learnt from again.
      Index fresh(8, small(kind));
      fresh.train(rows);
      fresh.add(rows.index_select(0, left), left);
      const auto expected = fresh.search(queries, 20, {.probes = 16, .search_breadth = 200});
      CHECK(torch::isclose(found.distances, expected.distances, 1e-5, 1e-6).to(torch::kFloat64).mean().item<double>() >
            (kind == IndexKind::hnsw ? 0.98 : 0.9999));
    }
    index.remove(identity);
    CHECK(index.size() == 0);
    CHECK((index.search(queries, 2).indices == -1).all().item<bool>());
    index.add(rows.slice(0, 0, 3), identity.slice(0, 0, 3));
    CHECK(torch::equal(std::get<0>(index.search(queries.slice(0, 0, 1), 3, {.probes = 16}).indices.sort(1)),
                       integers({0, 1, 2}).view({1, 3})));
  }
}

TEST_CASE("an hnsw index finds k rows behind many removed ones") {
  // The 100 nearest of the query are removed, fewer than half of the graph: the list is searched again, longer, until k are found.
  const auto rows = torch::arange(300, torch::kFloat32).view({300, 1});
  auto index = filled(small(IndexKind::hnsw), rows, torch::arange(300));
  index.remove(torch::arange(100));
  const auto found = index.search(torch::zeros({1, 1}), 3, {.search_breadth = 3});
  CHECK(torch::equal(found.indices, integers({100, 101, 102}).view({1, 3})));
  index.compact();
  CHECK(torch::equal(index.search(torch::zeros({1, 1}), 3, {.search_breadth = 3}).indices, found.indices));
}

TEST_CASE("an index is a function of its options and calls, whatever the threads") {
  const auto rows = clustered(900, 16, 6), more = clustered(200, 16, 7), queries = clustered(50, 16, 8);
  const auto threads = at::get_num_threads();
  for (const auto kind : kinds) {
    CAPTURE(to_string(kind));
    std::vector<Neighbours> results;
    for (const int count : {threads, 1, threads}) {
      at::set_num_threads(count);
      auto index = filled(small(kind), rows, torch::arange(900));
      index.remove(torch::arange(0, 900, 5));
      index.add(more, torch::arange(1000, 1200));
      results.push_back(index.search(queries, 10));
      results.push_back(index.search(queries.slice(0, 0, 1), 10));
    }
    at::set_num_threads(threads);
    CHECK(same(results[0], results[2]));
    CHECK(same(results[0], results[4]));
    CHECK(same(results[1], results[3]));
    CHECK(torch::equal(results[0].indices[0], results[1].indices[0]));
    if (kind == IndexKind::flat) continue;
    auto other = small(kind);
    other.seed = 1;
    other.probes = 1;
    other.search_breadth = 1;
    auto first = other;
    first.seed = 0;
    const auto a = filled(first, rows, torch::arange(900)).search(queries, 10),
               b = filled(other, rows, torch::arange(900)).search(queries, 10);
    CHECK_FALSE(same(a, b));
  }
}

TEST_CASE("a loaded index searches, grows and shrinks as the one that was saved") {
  const TemporaryFolder folder;
  const auto path = folder.path() + "/index";
  const auto rows = clustered(500, 8, 9), more = clustered(100, 8, 10);
  for (const auto kind : kinds) {
    for (const auto similarity : similarities) {
      CAPTURE(to_string(kind), to_string(similarity));
      auto index = filled(small(kind, similarity), rows, torch::arange(500) * 3);
      index.remove(torch::arange(0, 300, 3));
      index.save(path);
      auto loaded = Index::load(path);
      CHECK(loaded.dim() == 8);
      CHECK(loaded.options().kind == kind);
      CHECK(loaded.options().similarity == similarity);
      CHECK(loaded.options().links == 8);
      CHECK(torch::equal(loaded.ids(), index.ids()));
      CHECK(same(loaded.search(more, 12), index.search(more, 12)));
      for (auto* one : {&index, &loaded}) {
        one->add(more, torch::arange(5000, 5100));
        one->remove(torch::arange(300, 1000));
      }
      CHECK(same(loaded.search(rows, 7), index.search(rows, 7)));
    }
    Index empty(8, small(kind));
    empty.save(path);
    auto loaded = Index::load(path);
    CHECK(loaded.size() == 0);
    CHECK(loaded.trained() == empty.trained());
    loaded.train(rows);
    loaded.add(rows, torch::arange(500));
    CHECK(loaded.size() == 500);
  }
}

TEST_CASE("Index::load refuses every truncated and every changed file, and names it") {
  const TemporaryFolder folder;
  const auto path = folder.path() + "/index", damaged = folder.path() + "/damaged";
  const auto write = [&](const std::vector<std::uint8_t>& bytes) { diva::write_file_atomically(damaged, bytes); };
  Generator generator(11);
  for (const auto kind : {IndexKind::flat, IndexKind::hnsw, IndexKind::ivf}) {
    CAPTURE(to_string(kind));
    auto options = small(kind);
    options.lists = 2;
    options.links = 2;
    filled(options, generator.normal({6, 2}), torch::arange(6)).save(path);
    const auto bytes = diva::read_file(path);
    REQUIRE(bytes.size() < 3000);
    const auto stride = kind == IndexKind::flat ? 1U : 7U;
    for (std::size_t size = 0; size < bytes.size(); size += stride) {
      write({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)});
      REQUIRE_THROWS_AS(Index::load(damaged), diva::IoError);
    }
    for (std::size_t at = 0; at < bytes.size(); at += stride) {
      auto changed = bytes;
      changed[at] ^= static_cast<std::uint8_t>(1 + generator.below(255));
      write(changed);
      REQUIRE_THROWS_AS(Index::load(damaged), diva::IoError);
    }
    auto longer = bytes;
    longer.push_back(0);
    write(longer);
    CHECK_THROWS_WITH(Index::load(damaged), Contains(damaged) && Contains("undamaged"));
    // Two halves of different files.
    auto swapped = bytes;
    std::swap_ranges(swapped.begin() + 100, swapped.begin() + 108, swapped.begin() + 108);
    if (swapped != bytes) {
      write(swapped);
      CHECK_THROWS_AS(Index::load(damaged), diva::IoError);
    }
  }
  CHECK_THROWS_WITH(Index::load(folder.path() + "/absent"), Contains(folder.path() + "/absent"));
  CHECK_THROWS_AS(Index(2).save(folder.path() + "/no/folder"), diva::IoError);
}

TEST_CASE("an index refuses what it cannot use, and then is as it was") {
  const auto rows = clustered(300, 8, 12), ids = torch::arange(300);
  Index index(8);
  index.add(rows, ids);
  CHECK_THROWS_WITH(index.add(rows.slice(0, 0, 2), integers({400, 7})), "Index::add: ids must be each of one row, got 7 again");
  CHECK_THROWS_AS(index.add(rows.slice(0, 0, 2), integers({400, 400})), diva::DataError);
  CHECK_THROWS_AS(index.add(rows.slice(0, 0, 1), integers({-1})), diva::DataError);
  CHECK_THROWS_AS(index.add(rows.slice(0, 0, 2), integers({400})), diva::ShapeError);
  CHECK_THROWS_AS(index.add(rows.slice(0, 0, 2), torch::ones({2})), diva::ShapeError);
  CHECK_THROWS_AS(index.add(torch::ones({1, 9}), integers({400})), diva::ShapeError);
  CHECK_THROWS_AS(index.add(torch::full({1, 8}, NAN), integers({400})), diva::DataError);
  CHECK(index.size() == 300);
  CHECK_THROWS_AS(index.search(rows, 0), diva::OptionError);
  CHECK_THROWS_AS(index.search(rows, 1, {.probes = -1}), diva::OptionError);
  CHECK_THROWS_AS(index.search(torch::ones({1, 7}), 1), diva::ShapeError);
  CHECK_THROWS_AS(index.search(torch::full({1, 8}, INFINITY), 1), diva::DataError);
  CHECK_THROWS_AS(index.search_on(torch::Device("cuda:99")), diva::OptionError);
  CHECK(index.search(torch::empty({0, 8}), 3).indices.sizes() == torch::IntArrayRef({0, 3}));
  index.add(torch::empty({0, 8}), torch::empty({0}, torch::kInt64));
  CHECK(index.size() == 300);

  CHECK_THROWS_AS(Index(0), diva::OptionError);
  CHECK_THROWS_WITH(Index(8, {.kind = IndexKind::pq, .code_bytes = 3}), "Index: code_bytes must be a divisor of dim = 8, got 3");
  CHECK_THROWS_AS(Index(8, {.kind = IndexKind::ivf, .lists = 0}), diva::OptionError);
  Index lists(8, small(IndexKind::ivf));
  CHECK_THROWS_WITH(lists.add(rows, ids), Contains("trained"));
  CHECK_THROWS_AS(lists.train(rows.slice(0, 0, 15)), diva::DataError);
  lists.train(rows);
  lists.train(rows);
  lists.add(rows, ids);
  CHECK_THROWS_AS(lists.train(rows), diva::DataError);
  CHECK_THROWS_AS(Index(8, small(IndexKind::pq)).train(rows.slice(0, 0, 255)), diva::DataError);
  Index directions(8, {.similarity = Similarity::cosine});
  CHECK_THROWS_AS(directions.add(torch::zeros({1, 8}), integers({0})), diva::DataError);
}

TEST_CASE("indexes take rows of every floating type, and are moved whole") {
  const auto rows = clustered(300, 8, 13);
  Index index(8, small(IndexKind::ivf));
  index.train(rows.to(torch::kFloat64));
  index.add(rows.to(torch::kFloat64), torch::arange(300));
  Index moved = std::move(index);
  CHECK(moved.size() == 300);
  CHECK(torch::equal(moved.search(rows, 1, {.probes = 16}).indices.flatten(), torch::arange(300)));
  CHECK(moved.search(rows.slice(0, 0, 2).to(torch::kHalf), 1).indices.sizes() == torch::IntArrayRef({2, 1}));
}

TEST_CASE("torch, FAISS's indexes and torch again work in one process with their shared threads") {
  const auto rows = clustered(4000, 32, 14);
  const auto before = torch::mm(rows, rows.t());
  const auto threads = at::get_num_threads();
  for (const auto kind : kinds) {
    CAPTURE(to_string(kind));
    const auto index = filled(small(kind), rows, torch::arange(4000));
    CHECK(at::get_num_threads() == threads);
    const auto first = index.search(rows, 5);
    CHECK(torch::equal(torch::mm(rows, rows.t()), before));
    CHECK(same(index.search(rows, 5), first));
    // Most rows find themselves, and what torch says of the found ones is what FAISS measured.
    const auto self = (first.indices.select(1, 0) == torch::arange(4000)).to(torch::kFloat64).mean().item<double>();
    CHECK(self > (kind == IndexKind::pq || kind == IndexKind::ivf_pq ? 0.5 : 0.95));
    if (kind == IndexKind::pq || kind == IndexKind::ivf_pq) continue;
    const auto second = first.indices.select(1, 1);
    const auto expected = (rows - rows.index_select(0, second)).square().sum(1).sqrt();
    CHECK(torch::allclose(first.distances.select(1, 1), expected, 1e-4, 1e-4));
  }
}
