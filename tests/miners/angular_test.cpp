#include "support/pair_checks.hpp"
#include "support/triplet_checks.hpp"

#include <diva/core/error.hpp>
#include <diva/miners/angular.hpp>

#include <cmath>

using Set = std::set<pair_checks::Triple>;

TEST_CASE("the angular miner keeps negatives that see the pair at a large angle, worked by hand") {
  // Anchor (−1, 0) and positive (1, 0): centre 0, distance 2, so the angle of a negative at distance r is arctan(1/r): 45° at (0,
  // 1), 26.6° at (2, 0), 11.3° at (0, 5), 90° on the centre.
  const auto x = torch::tensor({{-1.0, 0.0}, {1.0, 0.0}, {0.0, 1.0}, {2.0, 0.0}, {0.0, 5.0}, {0.0, 0.0}}, torch::kFloat64);
  const auto labels = torch::tensor({0, 0, 1, 2, 3, 4}, torch::kInt64);
  const auto mine = [&](double angle) { return pair_checks::triples(diva::angular_triplets({x, labels}, {.angle = angle})); };
  const Set above_20{{0, 1, 2}, {0, 1, 3}, {0, 1, 5}, {1, 0, 2}, {1, 0, 3}, {1, 0, 5}},
      above_30{{0, 1, 2}, {0, 1, 5}, {1, 0, 2}, {1, 0, 5}}, above_60{{0, 1, 5}, {1, 0, 5}};
  CHECK(mine(20) == above_20);
  CHECK(mine(30) == above_30);
  CHECK(mine(60) == above_60);
  CHECK(mine(0).size() == 8);
}

TEST_CASE("the angular miner agrees with a loop over all triplets") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    diva::Generator generator(seed);
    const auto x = generator.normal({12, 4}, torch::kFloat64);
    const auto labels = (generator.uniform({12}, torch::kFloat64) * 4).floor().to(torch::kInt64);
    Set expected;
    for (const auto& [a, p, n] : pair_checks::triples(diva::all_triplets(labels))) {
      const double across = (x[a] - x[p]).norm().item<double>(), height = (x[n] - (x[a] + x[p]) / 2).norm().item<double>();
      if (std::atan(across / (2 * height)) > 25 * std::acos(-1.0) / 180) expected.insert({a, p, n});
    }
    REQUIRE(pair_checks::triples(diva::angular_triplets({x, labels}, {.angle = 25})) == expected);
  }
}

TEST_CASE("the angular miner leaves out triplets without an angle and refuses a right one") {
  CHECK(diva::angular_triplets({torch::ones({4, 2}), torch::tensor({0, 0, 1, 1}, torch::kInt64)}).size() == 0);
  CHECK(diva::angular_triplets({torch::ones({0, 2}), torch::zeros({0}, torch::kInt64)}).size() == 0);
  CHECK_THROWS_AS(diva::angular_triplets({torch::ones({2, 2}), torch::zeros({2}, torch::kInt64)}, {.angle = 90}),
                  diva::OptionError);
}
