#include "support/triplet_checks.hpp"

#include <diva/core/error.hpp>
#include <diva/miners/distance_weighted.hpp>

#include <cmath>

TEST_CASE("distance-weighted triplets obey the labels, one for each anchor") {
  triplet_checks::obey_labels([](auto& batch, auto& generator) { return diva::distance_weighted_triplets(batch, generator); });
  triplet_checks::obey_labels(
      [](auto& batch, auto& generator) { return diva::distance_weighted_triplets(batch, generator, {.upper_cutoff = 1.4}); });
}

TEST_CASE("distance-weighted probabilities of three negatives worked by hand") {
  // On the circle (dim 2) the exponents are 0 and +1/2: 1/q = sqrt(1 − d²/4). Anchor at angle 0, its positive too; negatives at 90°
  // (d = √2, weight √½), 180° (d = 2, clamped to √1e-8) and 60° (d = 1, weight √¾).
  const double s = std::sqrt(3.0) / 2;
  const auto x = torch::tensor({{1.0, 0.0}, {1.0, 0.0}, {0.0, 1.0}, {-1.0, 0.0}, {0.5, s}}, torch::kFloat64);
  const auto labels = torch::tensor({0, 0, 1, 2, 3}, torch::kInt64);
  const auto p = diva::distance_weighted_probabilities({x, labels})[0];
  const double total = std::sqrt(0.5) + 1e-4 + s;
  CHECK(p[0].item<double>() == 0);
  CHECK(p[1].item<double>() == 0);
  CHECK(std::abs(p[2].item<double>() - std::sqrt(0.5) / total) < 1e-9);
  CHECK(std::abs(p[3].item<double>() - 1e-4 / total) < 1e-9);
  CHECK(std::abs(p[4].item<double>() - s / total) < 1e-9);
}

TEST_CASE("distance-weighted probabilities agree with a loop, and anchors' rows sum to one") {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    diva::Generator generator(seed);
    const auto dim = 4 + generator.below(60);
    const auto x = triplet_checks::unit_rows(generator, 12, dim);
    const auto labels = (generator.uniform({12}, torch::kFloat64) * 6).floor().to(torch::kInt64);
    const auto probabilities = diva::distance_weighted_probabilities({x, labels});
    const auto n = static_cast<double>(dim);
    for (std::int64_t i = 0; i < 12; ++i) {
      std::vector<double> weight(12, 0);
      double total = 0;
      bool has_positive = false;
      for (std::int64_t j = 0; j < 12; ++j) {
        const bool same = labels[i].item<std::int64_t>() == labels[j].item<std::int64_t>();
        has_positive = has_positive || (same && i != j);
        if (same) continue;
        const double d = std::max(0.5, (x[i] - x[j]).norm().item<double>());
        total += weight[static_cast<std::size_t>(j)] = std::pow(d, 2 - n) * std::pow(1 - d * d / 4, -(n - 3) / 2);
      }
      for (std::int64_t j = 0; j < 12; ++j) {
        const double expected = has_positive && total > 0 ? weight[static_cast<std::size_t>(j)] / total : 0;
        REQUIRE(std::abs(probabilities[i][j].item<double>() - expected) < 1e-9);
      }
    }
  }
}

TEST_CASE("distance-weighted probabilities stay finite for identical and opposite embeddings in many dimensions") {
  for (const std::int64_t dim : {2, 3, 128, 2048}) {
    diva::Generator generator(2);
    const auto one = triplet_checks::unit_rows(generator, 1, dim);
    const auto x = torch::cat({one, one, one, -one, -one}).to(torch::kFloat32);
    const auto labels = torch::tensor({0, 0, 1, 1, 2}, torch::kInt64);
    const auto p = diva::distance_weighted_probabilities({x, labels});
    CHECK(p.isfinite().all().item<bool>());
    CHECK(torch::allclose(p.sum(1), torch::tensor({1.0, 1.0, 1.0, 1.0, 0.0}, torch::kFloat64)));  // the last is alone in its class
  }
}

TEST_CASE("distance-weighted draws no negative beyond the upper cut-off unless all are there") {
  // Anchor at 0°, negatives at 60° (d = 1) and 120° (d = √3 > 1.4).
  const double s = std::sqrt(3.0) / 2;
  const auto x = torch::tensor({{1.0, 0.0}, {1.0, 0.0}, {0.5, s}, {-0.5, s}}, torch::kFloat64);
  const auto labels = torch::tensor({0, 0, 1, 2}, torch::kInt64);
  const auto cut = diva::distance_weighted_probabilities({x, labels}, {.upper_cutoff = 1.4})[0];
  CHECK(cut[2].item<double>() == 1);
  CHECK(cut[3].item<double>() == 0);
  const auto all_beyond = diva::distance_weighted_probabilities({x, labels}, {.upper_cutoff = 0.9})[0];
  CHECK(all_beyond[2].item<double>() == 0.5);
  CHECK(all_beyond[3].item<double>() == 0.5);
}

TEST_CASE("distance-weighted refuses cut-offs out of range") {
  diva::Generator generator(0);
  const auto x = torch::zeros({3, 2});
  const auto labels = torch::zeros({3}, torch::kInt64);
  CHECK_THROWS_AS(diva::distance_weighted_triplets({x, labels}, generator, {.lower_cutoff = 0}), diva::OptionError);
  CHECK_THROWS_AS(diva::distance_weighted_triplets({x, labels}, generator, {.lower_cutoff = 2}), diva::OptionError);
}

TEST_CASE("distance-weighted as pytorch-metric-learning: as many triplets as the class has samples, none without a near negative") {
  // On the circle, not of unit length: anchors 0, 1, 2 at 0° with a negative at 60° (d = 1) and one at 180° (d = 2); anchor 3 at
  // 60° and anchor 4 at 180° are alone in their classes.
  const double s = std::sqrt(3.0) / 2;
  const auto x = torch::tensor({{2.0, 0.0}, {3.0, 0.0}, {1.0, 0.0}, {1.0, 2 * s}, {-1.0, 0.0}}, torch::kFloat64);
  const auto labels = torch::tensor({0, 0, 0, 1, 2}, torch::kInt64);
  diva::Generator generator(1);
  const diva::DistanceWeightedOptions options{.upper_cutoff = 1.4, .variant = diva::Variant::pml};
  const auto triplets = diva::distance_weighted_triplets({x, labels}, generator, options);
  CHECK(torch::equal(triplets.anchors, torch::tensor({0, 0, 0, 1, 1, 1, 2, 2, 2}, torch::kInt64)));
  CHECK((triplets.negatives == 3).all().item<bool>());
  // With a cut-off of 0.9 no negative is near enough: no triplet, where `fixed` draws uniformly.
  CHECK(diva::distance_weighted_triplets({x, labels}, generator, {.upper_cutoff = 0.9, .variant = diva::Variant::pml}).size() == 0);
  CHECK(diva::distance_weighted_triplets({x, labels}, generator, {.upper_cutoff = 0.9}).size() == 3);
}

TEST_CASE("distance-weighted as the seed: a sample alone in its class is an anchor with itself as positive") {
  diva::Generator generator(1);
  const auto x = triplet_checks::unit_rows(generator, 3, 4);
  const auto labels = torch::tensor({0, 0, 1}, torch::kInt64);
  const auto t = diva::distance_weighted_triplets({x, labels}, generator, {.variant = diva::Variant::repo});
  CHECK(torch::equal(t.anchors, torch::tensor({0, 1, 2}, torch::kInt64)));
  CHECK(torch::equal(t.positives, torch::tensor({1, 0, 2}, torch::kInt64)));
  const diva::Comparison graded{.embeddings = x,
                                .relation = diva::Relation{(labels.unsqueeze(1) == labels.unsqueeze(0)).to(torch::kFloat32)}};
  CHECK(torch::equal(diva::distance_weighted_triplets(graded, generator, {.variant = diva::Variant::repo}).positives, t.positives));
}
