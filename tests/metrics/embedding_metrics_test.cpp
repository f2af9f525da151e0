#include "support/catch.hpp"

#include <torch/types.h>
#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/metrics/embedding_metrics.hpp>

#include <cmath>

using Catch::Matchers::Contains;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using diva::Generator;
using diva::Variant;

TEST_CASE("class_distances of five points worked by hand") {
  // Class 0: (1, 0), (0, 2): cosine 0, distance 1. Class 1: (3, 0), (1, 0): distance 0. Class 2: one sample, no pair. Mean 1/2.
  // Means: (0.5, 1), (2, 0), (-1, 0). Cosines: 0-1 0.5/√1.25 = 1/√5, 0-2 -1/√5, 1-2 -1. Distances sum to 1 + 1 + 2; mean 4/3.
  const auto features = torch::tensor({1., 0., 0., 2., 3., 0., 1., 0., -1., 0.}, torch::kFloat64).view({5, 2});
  const auto found = diva::class_distances(features, torch::tensor({0, 0, 1, 1, 2}, torch::kInt64));
  CHECK_THAT(found.intra, WithinAbs(0.5, 1e-15));
  CHECK_THAT(found.inter, WithinAbs(4.0 / 3, 1e-15));
  CHECK_THAT(found.intra_over_inter(), WithinAbs(0.375, 1e-15));
}

TEST_CASE("class_distances agrees with loops over pairs") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    Generator generator(seed);
    const auto count = 4 + generator.below(20), dim = 1 + generator.below(6), classes = 2 + generator.below(5);
    const auto features = generator.normal({count, dim}, torch::kFloat64) + 1;
    auto labels = (generator.uniform({count}) * static_cast<double>(classes)).to(torch::kInt64);
    labels[0] = 0, labels[1] = 0, labels[2] = 1;
    double intra = 0, inter = 0, groups = 0, pairs = 0;
    std::vector<torch::Tensor> means;
    for (std::int64_t c = 0; c < classes; ++c) {
      const auto members = features.index({labels == c});
      const auto n = members.size(0);
      if (n == 0) continue;
      means.push_back(members.mean(0));
      double sum = 0;
      for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t j = 0; j < i; ++j) sum += 1 - torch::cosine_similarity(members[i], members[j], 0).item<double>();
      }
      if (n > 1) intra += sum / (static_cast<double>(n * (n - 1)) / 2), ++groups;
    }
    for (std::size_t i = 0; i < means.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) inter += 1 - torch::cosine_similarity(means[i], means[j], 0).item<double>(), ++pairs;
    }
    const auto found = diva::class_distances(features, labels);
    REQUIRE_THAT(found.intra, WithinAbs(intra / groups, 1e-12));
    REQUIRE_THAT(found.inter, WithinAbs(inter / pairs, 1e-12));
    REQUIRE_THAT(diva::class_distances(features.to(torch::kFloat32), labels).intra, WithinAbs(intra / groups, 1e-6));
  }
}

TEST_CASE("class_distances has no value where there is no pair") {
  const auto features = torch::eye(3);
  CHECK(std::isnan(diva::class_distances(features, torch::tensor({0, 1, 2}, torch::kInt64)).intra));
  CHECK(diva::class_distances(features, torch::tensor({0, 1, 2}, torch::kInt64)).inter == 1);
  CHECK(std::isnan(diva::class_distances(features, torch::zeros({3}, torch::kInt64)).inter));
  // Opposite samples: their mean has no direction and is at distance 1 from the other class.
  const auto opposite = torch::tensor({1.F, -1.F, 5.F}).view({3, 1});
  CHECK(diva::class_distances(opposite, torch::tensor({0, 0, 1}, torch::kInt64)).inter == 1);
}

TEST_CASE("alignment and uniformity of four points worked by hand") {
  // On the unit circle at 0°, 90°, 180°, 0°; classes a a b b. Squared distances: 0-1 2, 0-2 4, 0-3 0, 1-2 2, 1-3 2, 2-3 4.
  const auto features = torch::tensor({3.0, 0.0, 0.0, 0.5, -1.0, 0.0, 1.0, 0.0}, torch::kFloat64).view({4, 2});
  const auto labels = torch::tensor({0, 0, 1, 1}, torch::kInt64);
  CHECK_THAT(diva::alignment(features, labels), WithinAbs(3, 1e-15));  // pairs 0-1 and 2-3
  CHECK_THAT(diva::uniformity(features), WithinAbs(std::log((1 + 3 * std::exp(-4.0) + 2 * std::exp(-8.0)) / 6), 1e-14));
  CHECK_THAT(diva::uniformity(features, 0.5), WithinAbs(std::log((1 + 3 * std::exp(-1.0) + 2 * std::exp(-2.0)) / 6), 1e-14));
  CHECK_THAT(diva::uniformity(torch::ones({5, 3}, torch::kFloat64) * 7), WithinAbs(0, 1e-14));
  CHECK(diva::alignment(torch::ones({5, 4}), torch::zeros({5}, torch::kInt64)) == 0);
  CHECK(std::isnan(diva::uniformity(torch::ones({1, 3}))));
  CHECK(std::isnan(diva::alignment(features, torch::arange(4))));
}

TEST_CASE("alignment and uniformity agree with loops over pairs, across tiles") {
  for (const std::int64_t count : {2, 7, 60, 1024, 1500}) {
    CAPTURE(count);
    Generator generator(static_cast<std::uint64_t>(count));
    const auto features = generator.normal({count, 3}, torch::kFloat64) + 0.5;
    const auto labels = (generator.uniform({count}) * 5).to(torch::kInt64);
    const auto unit = features / features.norm(2, 1, true);
    const auto squares = torch::cdist(unit, unit, 2, /*compute_mode=*/2).square();
    const auto all = torch::ones_like(squares).triu(1).to(torch::kBool),
               same = (labels.unsqueeze(1) == labels.unsqueeze(0)).logical_and(all);
    CHECK_THAT(diva::uniformity(features), WithinAbs((-2 * squares.masked_select(all)).exp().mean().log().item<double>(), 1e-12));
    CHECK_THAT(diva::uniformity(features.to(torch::kFloat32)),
               WithinAbs((-2 * squares.masked_select(all)).exp().mean().log().item<double>(), 1e-6));
    if (same.any().item<bool>()) {
      CHECK_THAT(diva::alignment(features, labels), WithinAbs(squares.masked_select(same).mean().item<double>(), 1e-12));
    }
  }
}

TEST_CASE("principal_component_fraction worked by hand") {
  // About their mean, ±2 on the first axis, ±1 on the second, and 5 everywhere on the third: variances 4 : 1 : 0 of four points
  // each.
  const auto features = torch::tensor({2., 0., 5., -2., 0., 5., 0., 1., 5., 0., -1., 5.}, torch::kFloat64).view({4, 3});
  CHECK(diva::principal_component_fraction(features, 0.5) == 1.0 / 3);
  CHECK(diva::principal_component_fraction(features, 0.8) == 1.0 / 3);  // reached, not passed
  CHECK(diva::principal_component_fraction(features, 0.81) == 2.0 / 3);
  CHECK(diva::principal_component_fraction(features, 1) == 2.0 / 3);
  CHECK(diva::principal_component_fraction(torch::ones({6, 4}) * 0.1F, 0.9) == 0);
  CHECK(diva::principal_component_fraction(torch::ones({1, 4}), 0.9) == 0);
  for (const double share : {0.0, -0.1, 1.1, double(NAN)})
    CHECK_THROWS_AS(diva::principal_component_fraction(features, share), diva::OptionError);
}

TEST_CASE("singular_spectrum agrees with the decomposition of all rows, however many blocks they take") {
  for (const auto& [rows, dim] : std::vector<std::pair<std::int64_t, std::int64_t>>{{1, 3}, {3, 7}, {50, 8}, {20000, 12}}) {
    Generator generator(static_cast<std::uint64_t>(rows));
    const auto features = generator.normal({rows, dim}, torch::kFloat64) * torch::logspace(0, -6, dim, 10, torch::kFloat64);
    const auto values = at::linalg_svdvals(features);
    const auto spectrum = diva::singular_spectrum(features);
    CHECK(torch::allclose(spectrum, values / values.sum(), 1e-9, 0));
    if (rows == 1) continue;
    const auto fewer = values.slice(0, 0, values.size(0) - 1);
    CHECK(torch::allclose(diva::singular_spectrum(features, Variant::repo), fewer / fewer.sum(), 1e-9, 0));
  }
}

TEST_CASE("rho_spectrum worked by hand") {
  // s = (1/2, 1/4, 1/4), u = 1/3: KL(u‖s) = 1/3 ln(2/3) + 2/3 ln(4/3); KL(s‖u) = 1/2 ln(3/2) + 1/2 ln(3/4). Without the first:
  // flat.
  const auto s = torch::tensor({0.5, 0.25, 0.25}, torch::kFloat64);
  CHECK_THAT(diva::rho_spectrum(s, 1), WithinRel(std::log(2.0 / 3) / 3 + std::log(4.0 / 3) * 2 / 3, 1e-14));
  CHECK_THAT(diva::rho_spectrum(s, -1), WithinRel(std::log(1.5) / 2 + std::log(0.75) / 2, 1e-14));
  CHECK_THAT(diva::rho_spectrum(s, 2), WithinAbs(0, 1e-15));
  CHECK(diva::rho_spectrum(s, 3) == 0);
  const auto flat = diva::singular_spectrum(torch::eye(5));
  CHECK_THAT(diva::rho_spectrum(flat, 1), WithinAbs(0, 1e-15));
  const auto dead = torch::tensor({0.5, 0.5, 0.0}, torch::kFloat64);
  CHECK(diva::rho_spectrum(dead, 1) == std::numeric_limits<double>::infinity());
  CHECK_THAT(diva::rho_spectrum(dead, -1), WithinRel(std::log(1.5), 1e-14));
}

TEST_CASE("embedding metrics refuse what has no direction or no spectrum") {
  const auto labels = torch::zeros({3}, torch::kInt64);
  auto broken = torch::ones({3, 2});
  broken[1][1] = NAN;
  CHECK_THROWS_WITH(diva::class_distances(broken, labels), Contains("features must be finite"));
  CHECK_THROWS_AS(diva::singular_spectrum(broken), diva::DataError);
  CHECK_THROWS_AS(diva::alignment(broken, labels), diva::DataError);
  CHECK_THROWS_AS(diva::uniformity(broken), diva::DataError);
  CHECK_THROWS_AS(diva::principal_component_fraction(broken, 0.5), diva::DataError);
  CHECK_THROWS_WITH(diva::uniformity(torch::zeros({3, 2})), Contains("3 rows of length 0"));
  CHECK_THROWS_WITH(diva::alignment(torch::zeros({3, 2}), labels), Contains("3 rows of length 0"));
  CHECK_THROWS_AS(diva::uniformity(torch::empty({0, 2})), diva::DataError);
  for (const double t : {0.0, -2.0, 101.0, double(NAN)})
    CHECK_THROWS_AS(diva::uniformity(torch::ones({3, 2}), t), diva::OptionError);
  CHECK_THROWS_WITH(diva::class_distances(torch::zeros({3, 2}), labels), Contains("3 rows of length 0"));
  CHECK_THROWS_AS(diva::class_distances(torch::ones({2, 2}), labels), diva::ShapeError);
  CHECK_THROWS_AS(diva::class_distances(torch::empty({0, 2}), labels.slice(0, 0, 0)), diva::DataError);
  CHECK_THROWS_AS(diva::singular_spectrum(torch::zeros({3, 2})), diva::DataError);
  CHECK_THROWS_AS(diva::singular_spectrum(torch::ones({3, 1}), Variant::repo), diva::DataError);
  const auto spectrum = torch::tensor({0.5, 0.5});
  CHECK_THROWS_AS(diva::rho_spectrum(spectrum, 0), diva::OptionError);
  CHECK_THROWS_AS(diva::rho_spectrum(spectrum, 3), diva::OptionError);
  CHECK_THROWS_AS(diva::rho_spectrum(spectrum, -3), diva::OptionError);
}
