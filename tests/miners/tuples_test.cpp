#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/miners/comparison.hpp>
#include <diva/miners/tuples.hpp>

#include <array>
#include <set>

namespace {

using Triple = std::array<std::int64_t, 3>;

std::vector<Triple> listed(const diva::Triplets& triplets) {
  std::vector<Triple> result;
  for (std::int64_t i = 0; i < triplets.size(); ++i) {
    result.push_back({triplets.anchors[i].item<std::int64_t>(), triplets.positives[i].item<std::int64_t>(),
                      triplets.negatives[i].item<std::int64_t>()});
  }
  return result;
}

}  // namespace

TEST_CASE("all_triplets of two and one sample") {
  // Labels 0 0 1: anchors 0 and 1 have each other as positive and 2 as negative; 2 is alone.
  const auto triplets = diva::all_triplets(torch::tensor({0, 0, 1}, torch::kInt64));
  const bool equal = listed(triplets) == std::vector<Triple>{{0, 1, 2}, {1, 0, 2}};
  CHECK(equal);
}

TEST_CASE("all_triplets and all_pairs agree with loops over random labels") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    diva::Generator generator(seed);
    const auto batch = generator.below(9);
    const auto labels = (generator.uniform({batch}, torch::kFloat64) * 4).floor().to(torch::kInt64);
    std::vector<Triple> expected;
    std::set<std::array<std::int64_t, 2>> positive, negative;
    const auto* label = labels.data_ptr<std::int64_t>();
    for (std::int64_t a = 0; a < batch; ++a) {
      for (std::int64_t b = 0; b < batch; ++b) {
        if (label[a] != label[b]) negative.insert({a, b});
        if (a == b || label[a] != label[b]) continue;
        positive.insert({a, b});
        for (std::int64_t n = 0; n < batch; ++n) {
          if (label[n] != label[a]) expected.push_back({a, b, n});
        }
      }
    }
    const bool equal = listed(diva::all_triplets(labels)) == expected;
    REQUIRE(equal);
    const auto pairs = diva::all_pairs(labels);
    REQUIRE(pairs.anchors.size(0) == static_cast<std::int64_t>(positive.size()));
    REQUIRE(pairs.negative_anchors.size(0) == static_cast<std::int64_t>(negative.size()));
    for (std::int64_t i = 0; i < pairs.anchors.size(0); ++i) {
      REQUIRE(positive.count({pairs.anchors[i].item<std::int64_t>(), pairs.positives[i].item<std::int64_t>()}) == 1);
    }
    for (std::int64_t i = 0; i < pairs.negatives.size(0); ++i) {
      REQUIRE(negative.count({pairs.negative_anchors[i].item<std::int64_t>(), pairs.negatives[i].item<std::int64_t>()}) == 1);
    }
  }
}

TEST_CASE("all_triplets refuses what would not fit in memory") {
  const auto labels = torch::arange(2048, torch::kInt64).remainder(2);
  CHECK_THROWS_AS(diva::all_triplets(labels), diva::DataError);
  CHECK_THROWS_AS(diva::all_triplets(torch::zeros({3})), diva::ShapeError);
}

TEST_CASE("draw_columns follows the weights and never takes a column without weight") {
  const auto weights = torch::tensor({{0.0, 1.0, 3.0, 0.0}, {0.0, 0.0, 0.0, 2.0}}, torch::kFloat64);
  // Thresholds of row 0: below 1/4 column 1, else column 2.
  const auto draw = [&](double u) { return diva::detail::draw_columns(weights, torch::full({2}, u, torch::kFloat64)); };
  CHECK(draw(0.0)[0].item<std::int64_t>() == 1);
  CHECK(draw(0.2499)[0].item<std::int64_t>() == 1);
  CHECK(draw(0.2501)[0].item<std::int64_t>() == 2);
  CHECK(draw(1.0)[0].item<std::int64_t>() == 2);  // rounding up to the total stays on a column with weight
  CHECK(draw(0.5)[1].item<std::int64_t>() == 3);
  CHECK(diva::detail::draw_columns(weights.narrow(0, 0, 0), torch::empty({0})).numel() == 0);
}
