// The cases of pytorch-metric-learning's own tests (tests/miners of release 2.8.1): their inputs and what must be chosen there.
#include "support/pair_checks.hpp"

#include <diva/core/generator.hpp>
#include <diva/miners/registry.hpp>
#include <diva/miners/uniform_histogram.hpp>

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

namespace {

using Indices = std::vector<std::int64_t>;

torch::Tensor ids(const Indices& values) { return torch::tensor(values, torch::kInt64); }

torch::Tensor at_angles(std::int64_t count, double step) {
  const auto radians = torch::arange(count, torch::kFloat64) * (step * std::numbers::pi / 180);
  return torch::stack({radians.cos(), radians.sin()}, 1);
}

diva::Pairs pairs_of(const std::string& miner, const std::string& options, const torch::Tensor& x, const torch::Tensor& labels) {
  diva::Generator nothing_drawn;
  return std::get<diva::Pairs>(diva::make_miner(miner, options)({x, labels}, nothing_drawn));
}

// Whether what was chosen is one of the choices that ties leave open.
bool is_one_of(const torch::Tensor& found, const std::vector<Indices>& choices) {
  for (const auto& choice : choices) {
    if (torch::equal(found, ids(choice))) return true;
  }
  return false;
}

struct Case {
  const char* options;
  Indices anchors;
  std::vector<Indices> positives;
  std::vector<Indices> negatives;
};

// Embeddings 0, 1, …, 8 on a line. Two positives are equally near 7, and two negatives equally near 2, 3 and 4.
const std::vector<Indices> nearest = {{1, 0, 3, 2, 1, 7, 8, 7}, {1, 0, 3, 2, 1, 7, 6, 7}};
const Indices all_but_5 = {0, 1, 2, 3, 4, 6, 7, 8};
const Case cases[] = {
    {R"({"positive": "semihard", "negative": "hard")", {0, 7, 8}, {{1, 6, 6}, {1, 8, 6}}, {{2, 5, 5}}},
    {R"({"positive": "hard", "negative": "semihard")", {0, 1, 6, 7, 8}, {{4, 4, 2, 2, 2}}, {{5, 5, 1, 1, 1}}},
    {R"({"positive": "easy", "negative": "semihard")",
     all_but_5,
     nearest,
     {{2, 3, 0, 1, 8, 4, 5, 5}, {2, 3, 4, 1, 8, 4, 5, 5}, {2, 3, 0, 5, 8, 4, 5, 5}, {2, 3, 4, 5, 8, 4, 5, 5}}},
    {R"({"positive": "hard", "negative": "hard")",
     all_but_5,
     {{4, 4, 8, 8, 0, 2, 2, 2}},
     {{2, 2, 1, 4, 3, 5, 5, 5}, {2, 2, 1, 4, 5, 5, 5, 5}}},
    {R"({"positive": "easy", "negative": "hard")", all_but_5, nearest, {{2, 2, 1, 4, 3, 5, 5, 5}, {2, 2, 1, 4, 5, 5, 5, 5}}},
    {R"({"positive": "hard", "negative": "easy")", all_but_5, {{4, 4, 8, 8, 0, 2, 2, 2}}, {{8, 8, 5, 0, 8, 0, 0, 0}}},
    {R"({"positive": "easy", "negative": "easy")", all_but_5, nearest, {{8, 8, 5, 0, 8, 0, 0, 0}}},
    {R"({"positive": "easy", "negative": "easy", "positive_range": [1, 7], "negative_range": [1, 7])",
     all_but_5,
     nearest,
     {{7, 8, 5, 0, 8, 0, 0, 1}}},
};
const auto line = torch::arange(9, torch::kFloat64).unsqueeze(1);
const auto line_labels = ids({0, 0, 1, 1, 0, 2, 1, 1, 1});
constexpr const char* unnormalised = R"(, "distance": {"kind": "euclidean", "normalize": false}})";

}  // namespace

TEST_CASE("pml cases: batch easy-hard on a line") {
  for (const auto& one : cases) {
    INFO(one.options);
    for (const auto type : {torch::kFloat64, torch::kFloat32, torch::kHalf, torch::kBFloat16}) {
      const auto found = pairs_of("BatchEasyHardMiner", std::string(one.options) + unnormalised, line.to(type), line_labels);
      CHECK(torch::equal(found.anchors, ids(one.anchors)));
      CHECK(torch::equal(found.negative_anchors, ids(one.anchors)));
      CHECK(is_one_of(found.positives, one.positives));
      CHECK(is_one_of(found.negatives, one.negatives));
    }
  }
}

TEST_CASE("pml cases: batch easy-hard with all of one side, or of both") {
  const auto every = diva::all_pairs(line_labels);
  const auto of = [](const char* options) {
    return pairs_of("BatchEasyHardMiner", std::string(options) + unnormalised, line, line_labels);
  };
  const auto easy_all = of(R"({"positive": "easy", "negative": "all")");
  CHECK(torch::equal(easy_all.anchors, ids(all_but_5)));
  CHECK(is_one_of(easy_all.positives, nearest));
  CHECK(pair_checks::negatives(easy_all) == pair_checks::negatives(every));
  const auto all_easy = of(R"({"positive": "all", "negative": "easy")");
  CHECK(pair_checks::positives(all_easy) == pair_checks::positives(every));
  CHECK(torch::equal(all_easy.negative_anchors, torch::arange(9)));
  CHECK(is_one_of(all_easy.negatives, {{8, 8, 5, 0, 8, 0, 0, 0, 0}}));
  const auto all_all = of(R"({"positive": "all", "negative": "all")");
  CHECK(pair_checks::positives(all_all) == pair_checks::positives(every));
  CHECK(pair_checks::negatives(all_all) == pair_checks::negatives(every));
}

TEST_CASE("pml cases: hard-aware keeps the farthest positives and the nearest negatives, on a line and on the circle") {
  const auto labels = ids({0, 0, 1, 1, 1, 0});
  const auto check = [&](const std::string& distance, const torch::Tensor& x) {
    INFO(distance);
    const auto found = pairs_of("HDCMiner", R"({"fraction": 0.3, "distance": )" + distance + "}", x, labels);
    // ⌈0.3 · 12⌉ = 4 of the positives: 0–5 and 1–5. ⌈0.3 · 18⌉ = 6 of the negatives: 1–2 and 4–5, and 0–2 or 3–5, equally near.
    using pair_checks::Pair;
    CHECK(pair_checks::positives(found) == std::set<Pair>{{0, 5}, {5, 0}, {1, 5}, {5, 1}});
    const auto negatives = pair_checks::negatives(found);
    CHECK(negatives.size() == 6);
    for (const auto& sure : {Pair{1, 2}, Pair{2, 1}, Pair{4, 5}, Pair{5, 4}}) CHECK(negatives.count(sure) == 1);
    std::int64_t open = 0;
    for (const auto& either : {Pair{0, 2}, Pair{2, 0}, Pair{1, 3}, Pair{3, 1}, Pair{3, 5}, Pair{5, 3}})
      open += static_cast<std::int64_t>(negatives.count(either));
    CHECK(open == 2);
  };
  check(R"({"kind": "euclidean", "normalize": false})", torch::arange(6, torch::kFloat64).unsqueeze(1));
  const auto circle = at_angles(6, 20);
  check(R"({"kind": "euclidean", "normalize": true})", circle);
  check(R"({"kind": "squared_euclidean", "normalize": true})", circle);
  check(R"({"kind": "cosine"})", circle);
}

TEST_CASE("pml cases: angular keeps the triplets above its angle") {
  const auto x = at_angles(16, 1);
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    const auto labels = (diva::Generator(seed).uniform({16}) * 2).floor().to(torch::kInt64);
    for (int degrees = 0; degrees < 70; degrees += 10) {
      std::set<pair_checks::Triple> expected;
      const auto same = [&](std::int64_t i, std::int64_t j) {
        return labels[i].item<std::int64_t>() == labels[j].item<std::int64_t>();
      };
      for (std::int64_t a = 0; a < 16; ++a) {
        for (std::int64_t p = 0; p < 16; ++p) {
          if (p == a || !same(a, p)) continue;
          const auto centre = (x[a] + x[p]) / 2;
          for (std::int64_t n = 0; n < 16; ++n) {
            if (same(a, n)) continue;
            const double angle = std::atan((x[a] - x[p]).norm().item<double>() / (2 * (x[n] - centre).norm().item<double>()));
            if (angle > degrees * std::numbers::pi / 180) expected.insert({a, p, n});
          }
        }
      }
      diva::Generator nothing_drawn;
      const auto found = std::get<diva::Triplets>(
          diva::make_miner("AngularMiner", R"({"angle": )" + std::to_string(degrees) + "}")({x, labels}, nothing_drawn));
      std::set<pair_checks::Triple> mined;
      for (std::int64_t t = 0; t < found.size(); ++t)
        mined.insert({found.anchors[t].item<std::int64_t>(), found.positives[t].item<std::int64_t>(),
                      found.negatives[t].item<std::int64_t>()});
      INFO(degrees << " degrees, seed " << seed);
      CHECK(mined == expected);
    }
  }
}

TEST_CASE("pml cases: distance-weighted makes the distances of negatives uniform on the circle, up to the cut-off") {
  // Angles are uniform, so that distances chosen by their inverse density are uniform in [smallest, cut-off].
  const auto x = at_angles(256, 1);
  const auto labels = (diva::Generator(3).uniform({256}) * 2).floor().to(torch::kInt64);
  for (int tenth = 5; tenth < 15; tenth += 3) {
    const double cutoff = tenth / 10.0 - 0.01;
    diva::Generator generator(static_cast<std::uint64_t>(tenth));
    const auto mined = std::get<diva::Triplets>(
        diva::make_miner("DistanceWeightedMiner", R"({"lower_cutoff": 0.001, "upper_cutoff": )" + std::to_string(cutoff) + "}")(
            {x, labels}, generator));
    REQUIRE(mined.size() > 1000);
    const auto apart = (x.index_select(0, mined.anchors) - x.index_select(0, mined.negatives)).norm(2, 1);
    const double least = 2 * std::sin(0.5 * std::numbers::pi / 180);
    INFO("cut-off " << cutoff);
    CHECK(apart.max().item<double>() <= cutoff + 1e-9);
    CHECK(std::abs(apart.mean().item<double>() / ((cutoff + least) / 2) - 1) < 0.1);
    CHECK(std::abs(apart.var().item<double>() / ((cutoff - least) * (cutoff - least) / 12) - 1) < 0.1);
  }
}

TEST_CASE("pml cases: uniform histogram fills the bins of what it chose equally") {
  constexpr std::int64_t bins = 100, per_positive_bin = 25, per_negative_bin = 123;
  diva::Generator generator(93612);
  const auto x = generator.normal({128, 32}).to(torch::kFloat64);
  const auto labels = (generator.uniform({128}) * 2).floor().to(torch::kInt64);
  const auto all = diva::all_pairs(labels);
  for (const auto& distance : {diva::DistanceOptions{.kind = diva::Distance::lp, .normalize = true, .p = 1},
                               diva::DistanceOptions{.kind = diva::Distance::euclidean, .normalize = true},
                               diva::DistanceOptions{.kind = diva::Distance::euclidean},
                               diva::DistanceOptions{.kind = diva::Distance::snr, .normalize = true}}) {
    const auto matrix = diva::pairwise_distances(x, x, distance);
    const auto chosen = diva::uniform_histogram_pairs(
        {x, labels}, generator,
        {.bins = bins, .positives_per_bin = per_positive_bin, .negatives_per_bin = per_negative_bin, .distance = distance});
    const auto check = [&](const torch::Tensor& from, const torch::Tensor& to, const torch::Tensor& all_from,
                           const torch::Tensor& all_to, std::int64_t each) {
      const auto possible = matrix.index({all_from, all_to});
      const double low = possible.min().item<double>(), high = possible.max().item<double>();
      const auto counts = torch::histc(matrix.index({from, to}), bins, low, high);
      CHECK(((counts == each) | (counts == 0)).all().item<bool>());
      CHECK((counts > 0).equal(torch::histc(possible, bins, low, high) > 0));
    };
    check(chosen.anchors, chosen.positives, all.anchors, all.positives, per_positive_bin);
    check(chosen.negative_anchors, chosen.negatives, all.negative_anchors, all.negatives, per_negative_bin);
  }
}

TEST_CASE("pml cases: uniform histogram without positives chooses none") {
  diva::Generator generator(1);
  const auto chosen = diva::uniform_histogram_pairs({generator.normal({32, 64}), torch::arange(32, torch::kInt64)}, generator);
  CHECK(chosen.anchors.numel() == 0);
  CHECK(chosen.positives.numel() == 0);
  CHECK(chosen.negatives.numel() > 0);
}
