// What miners do on the CPU in one pass, against their form in tensors, which a relation of weights takes.
#include "../../src/miners/fused_mining.hpp"

#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/miners/batch_easy_hard.hpp>
#include <diva/miners/multi_similarity.hpp>
#include <diva/miners/pair_margin.hpp>
#include <diva/miners/triplet_margin.hpp>

#include <limits>

namespace {

// A batch against itself or against a reference, by labels; `weighted`: the same by a relation of weights 0 and 1.
struct Problem {
  diva::Comparison labelled, weighted;
};

Problem problem_of(std::uint64_t seed, torch::ScalarType type) {
  diva::Generator generator(seed);
  const auto rows = [&](std::int64_t n) { return generator.normal({n, 5}, torch::kFloat64).to(type); };
  const auto labels = [&](std::int64_t n) { return (generator.uniform({n}, torch::kFloat64) * 5).floor().to(torch::kInt64); };
  diva::Comparison labelled = {.embeddings = rows(18), .labels = labels(18), .reference = {}, .relation = {}};
  if (seed % 2 == 1) labelled.reference = diva::Reference{rows(23), labels(23)};
  auto weighted = labelled;
  const auto [positive, negative] = diva::detail::relation_rows(labelled);
  weighted.relation = diva::Relation{positive.to(torch::kFloat32), negative.to(torch::kFloat32)};
  return {labelled, weighted};
}

void check_equal(const diva::Pairs& a, const diva::Pairs& b) {
  CHECK(torch::equal(a.anchors, b.anchors));
  CHECK(torch::equal(a.positives, b.positives));
  CHECK(torch::equal(a.negative_anchors, b.negative_anchors));
  CHECK(torch::equal(a.negatives, b.negatives));
}

void check_equal(const diva::Triplets& a, const diva::Triplets& b) {
  CHECK(torch::equal(a.anchors, b.anchors));
  CHECK(torch::equal(a.positives, b.positives));
  CHECK(torch::equal(a.negatives, b.negatives));
}

constexpr diva::DistanceOptions distances[] = {{},
                                               {.normalize = true},
                                               {.kind = diva::Distance::squared_euclidean},
                                               {.kind = diva::Distance::cosine},
                                               {.kind = diva::Distance::dot}};

}  // namespace

TEST_CASE("fused mining finds the same pairs and triplets as tensors do") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto p = problem_of(seed, torch::kFloat64);
    for (const auto& distance : distances) {
      CAPTURE(seed, static_cast<int>(distance.kind));
      REQUIRE(diva::detail::fused_mining(p.labelled, distance, {}).has_value());
      REQUIRE(!diva::detail::fused_mining(p.weighted, distance, {}).has_value());
      const diva::PairMarginMinerOptions pair_margin = {.positive_margin = 0.7, .negative_margin = 1.1, .distance = distance};
      check_equal(diva::pair_margin_pairs(p.labelled, pair_margin), diva::pair_margin_pairs(p.weighted, pair_margin));
      const diva::MultiSimilarityMinerOptions similarity = {.margin = 0.1, .distance = distance};
      check_equal(diva::multi_similarity_pairs(p.labelled, similarity), diva::multi_similarity_pairs(p.weighted, similarity));
      check_equal(diva::batch_hard_triplets(p.labelled, distance), diva::batch_hard_triplets(p.weighted, distance));
      for (const auto& [kind, name] : diva::enumerators(diva::TripletKind{})) {
        CAPTURE(name);
        const diva::TripletMarginMinerOptions triplets = {.margin = 0.3, .kind = kind, .distance = distance};
        check_equal(diva::triplet_margin_triplets(p.labelled, triplets), diva::triplet_margin_triplets(p.weighted, triplets));
      }
    }
  }
}

TEST_CASE("fused distances are pairwise_distances, in float and double, and in float for half") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    for (const auto type : {torch::kFloat64, torch::kFloat32, torch::kHalf}) {
      const auto comparison = problem_of(seed, type).labelled;
      for (const auto& distance : distances) {
        const auto fused = diva::detail::fused_distances(comparison, distance);
        const auto wide = [](const torch::Tensor& rows) { return rows.to(torch::kFloat64); };
        const auto x = wide(comparison.embeddings), r = comparison.reference ? wide(comparison.reference->embeddings) : x;
        CHECK(fused.scalar_type() == (type == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32));
        CHECK((fused - diva::pairwise_distances(x, r, distance)).abs().max().item<double>() <
              (type == torch::kFloat64 ? 1e-12 : 1e-4));
      }
    }
  }
}

TEST_CASE("fused mining leaves to tensors what it cannot do") {
  const auto p = problem_of(0, torch::kFloat64);
  CHECK(!diva::detail::fused_distances(p.labelled, {.power = 2}).defined());
  CHECK(!diva::detail::fused_distances(p.labelled, {.kind = diva::Distance::lp, .p = 3}).defined());
  auto empty = p.labelled;
  empty.embeddings = empty.embeddings.narrow(0, 0, 0);
  CHECK(!diva::detail::fused_distances(empty, {}).defined());
}
