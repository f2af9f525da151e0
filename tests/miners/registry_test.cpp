#include "support/triplet_checks.hpp"

#include <diva/core/error.hpp>
#include <diva/miners/registry.hpp>

#include <algorithm>
#include <set>

using Catch::Matchers::Contains;

namespace {

// Those that take neither labels nor a reference by their nature, or have a place for the anchor among the positives.
const std::set<std::string> packaged = {"packaged_triplets", "EmbeddingsAlreadyPackagedAsTriplets"};
const std::set<std::string> without_reference = {"packaged_triplets", "EmbeddingsAlreadyPackagedAsTriplets", "rho_distance",
                                                 "anticollapse_cdistance", "pads"};

// Indices of triplets or pairs: anchors and others, side by side.
std::vector<std::pair<torch::Tensor, torch::Tensor>> sides(const diva::Tuples& tuples) {
  if (const auto* t = std::get_if<diva::Triplets>(&tuples)) return {{t->anchors, t->positives}, {t->anchors, t->negatives}};
  if (const auto* p = std::get_if<diva::Pairs>(&tuples)) return {{p->anchors, p->positives}, {p->negative_anchors, p->negatives}};
  return {};
}

bool equal(const diva::Tuples& a, const diva::Tuples& b) {
  const auto one = sides(a), other = sides(b);
  bool same = one.size() == other.size();
  for (std::size_t i = 0; same && i < one.size(); ++i)
    same = torch::equal(one[i].first, other[i].first) && torch::equal(one[i].second, other[i].second);
  return same;
}

bool inside(const torch::Tensor& indices, std::int64_t count) {
  return indices.scalar_type() == torch::kInt64 && indices.dim() == 1 &&
         (indices.numel() == 0 || (indices.min().item<std::int64_t>() >= 0 && indices.max().item<std::int64_t>() < count));
}

// Tuples of one batch as triplets, so that the batches of triplet_checks serve all miners.
diva::Triplets as_triplets(const diva::Tuples& tuples) {
  const auto none = torch::empty({0}, torch::kInt64);
  if (const auto* t = std::get_if<diva::Triplets>(&tuples)) return *t;
  if (const auto* p = std::get_if<diva::Pairs>(&tuples)) {
    REQUIRE(p->negative_anchors.sizes() == p->negatives.sizes());
    return {torch::cat({p->anchors, p->negative_anchors}), torch::cat({p->positives, p->negatives}),
            torch::cat({p->positives, p->negatives})};
  }
  return {none, none, none};
}

}  // namespace

TEST_CASE("every registered miner runs on every kind of batch") {
  for (const auto& name : diva::miner_names()) {
    if (packaged.count(name) == 1) continue;  // refuses batches that are not of whole triplets
    INFO(name);
    const auto miner = diva::make_miner(name);
    triplet_checks::over_batches([&](auto& batch, auto& generator) { return as_triplets(miner(batch, generator)); },
                                 [](auto&, auto&) {});
  }
}

TEST_CASE("every registered miner takes a relation in place of the labels, as marks or as weights") {
  for (const auto& name : diva::miner_names()) {
    INFO(name);
    const auto miner = diva::make_miner(name);
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      diva::Generator data(seed);
      const auto x = triplet_checks::unit_rows(data, 12, 6);
      const auto labels = (data.uniform({12}, torch::kFloat64) * 4).floor().to(torch::kInt64);
      const auto same = labels.unsqueeze(1) == labels.unsqueeze(0);
      diva::Generator by_labels(seed), by_marks(seed), by_weights(seed);
      const auto expected = miner({x, labels}, by_labels);
      CHECK(equal(miner({.embeddings = x, .relation = diva::Relation{same}}, by_marks), expected));
      CHECK(equal(
          miner({.embeddings = x, .relation = diva::Relation{same.to(torch::kFloat32), (~same).to(torch::kFloat64)}}, by_weights),
          expected));
    }
  }
}

TEST_CASE("every registered miner takes anchors from the batch and the others from the reference") {
  for (const auto& name : diva::miner_names()) {
    INFO(name);
    const auto miner = diva::make_miner(name);
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      diva::Generator generator(seed);
      const auto x = triplet_checks::unit_rows(generator, 6, 5), r = triplet_checks::unit_rows(generator, 15, 5);
      const auto draw_labels = [&](std::int64_t count) {
        return (generator.uniform({count}, torch::kFloat64) * 4).floor().to(torch::kInt64);
      };
      const diva::Comparison batch{.embeddings = x, .labels = draw_labels(6), .reference = diva::Reference{r, draw_labels(15)}};
      if (without_reference.count(name) == 1) {
        CHECK_THROWS_AS(miner(batch, generator), diva::OptionError);
        continue;
      }
      const auto found = sides(miner(batch, generator));
      for (std::size_t side = 0; side < found.size(); ++side) {
        REQUIRE(inside(found[side].first, 6));
        REQUIRE(inside(found[side].second, 15));
        if (name.find("shared") == 0 || name == "random_distance") continue;  // not by the labels
        const auto agree =
            batch.labels.index_select(0, found[side].first) == batch.reference->labels.index_select(0, found[side].second);
        const bool may_agree = name.find("intra") == 0 || name.find("anticollapse") == 0;
        if (side == 0 || name.find("intra") == 0) REQUIRE(agree.all().item<bool>());
        if (side == 1 && !may_agree) REQUIRE(!agree.any().item<bool>());
      }
    }
  }
}

TEST_CASE("miners do not differentiate and do not care for half precision") {
  for (const auto& name : diva::miner_names()) {
    INFO(name);
    diva::Generator data(1), one(2), two(2);
    const auto x = triplet_checks::unit_rows(data, 12, 6).to(torch::kHalf);
    const auto labels = torch::arange(12, torch::kInt64).remainder(3);
    const auto miner = diva::make_miner(name);
    CHECK(equal(miner({x.clone().requires_grad_(), labels}, one), miner({x.to(torch::kFloat32), labels}, two)));
  }
}

TEST_CASE("miners by name take their options and refuse others") {
  CHECK_NOTHROW(diva::make_miner("distance_weighted", R"({"lower_cutoff": 0.4, "upper_cutoff": 1.4})"));
  CHECK_NOTHROW(diva::make_miner("shared", R"({"sharing": "full", "distance": {"lower_cutoff": 0.1}})"));
  CHECK_NOTHROW(diva::make_miner("BatchEasyHardMiner", R"({"positive": "hard", "negative_range": [0.1, 1]})"));
  CHECK_THROWS_WITH(diva::make_miner("distance_wieghted"), Contains("did you mean 'distance_weighted'"));
  CHECK_THROWS_WITH(diva::make_miner("semihard", R"({"margn": 1})"), Contains("did you mean 'margin'"));
  CHECK_THROWS_AS(diva::make_miner("random", R"({"margin": 1})"), diva::OptionError);
  CHECK_THROWS_AS(diva::make_miner("distance", R"({"lower_cutoff": 3})"), diva::OptionError);
}

TEST_CASE("miners are documented, and their aliases name one of them") {
  const auto names = diva::miner_names();
  for (const auto& listing : diva::miner_listings()) {
    INFO(listing.name);
    if (listing.summary.alias_of == nullptr) {
      CHECK(*listing.summary.formula != 0);
      CHECK(*listing.summary.cost != 0);
    } else {
      CHECK(std::count(names.begin(), names.end(), listing.summary.alias_of) == 1);
    }
  }
}

TEST_CASE("the miner all leaves the choice to the criterion") {
  diva::Generator generator(0);
  CHECK(std::holds_alternative<std::monostate>(
      diva::make_miner("all")({torch::zeros({2, 2}), torch::zeros({2}, torch::kInt64)}, generator)));
}
