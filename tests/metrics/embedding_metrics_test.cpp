#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/metrics/embedding_metrics.hpp>

#include <cmath>

TEST_CASE("class distances worked by hand") {
  // Class 0: (1,0), (0,1): cosine distance 1. Class 1: (−1,0) twice: 0. Class 2: alone, left out of intra. Mean intra 0.5.
  const auto x = torch::tensor({{1.0, 0.0}, {0.0, 1.0}, {-1.0, 0.0}, {-2.0, 0.0}, {0.0, -1.0}}, torch::kFloat64);
  const auto d = diva::class_distances(x, torch::tensor({0, 0, 1, 1, 2}, torch::kInt64));
  CHECK(std::abs(d.intra - 0.5) < 1e-12);
  // Means point to 45°, 180°, 270°: cosines −√½, −√½, 0: distances 1 + √½ twice and 1.
  CHECK(std::abs(d.inter - (3 + 2 * std::sqrt(0.5)) / 3) < 1e-12);
  CHECK(std::abs(d.intra_over_inter() - d.intra / d.inter) < 1e-15);
}

TEST_CASE("class distances agree with loops over pairs") {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    diva::Generator generator(seed);
    const auto x = generator.normal({14, 5}, torch::kFloat64);
    const auto labels = torch::arange(14).remainder(4);
    const auto n = x / x.norm(2, 1, true);
    double intra = 0;
    for (std::int64_t c = 0; c < 4; ++c) {
      double sum = 0, pairs = 0;
      for (std::int64_t i = c; i < 14; i += 4) {
        for (std::int64_t j = c; j < i; j += 4) {
          sum += 1 - n[i].dot(n[j]).item<double>();
          ++pairs;
        }
      }
      intra += sum / pairs / 4;
    }
    REQUIRE(std::abs(diva::class_distances(x, labels).intra - intra) < 1e-10);
  }
}

TEST_CASE("spectra worked by hand") {
  // Singular values 3 and 1: shares 3/4, 1/4.
  const auto spectrum = diva::singular_spectrum(torch::tensor({{3.0, 0.0}, {0.0, 1.0}}, torch::kFloat64));
  CHECK(torch::allclose(spectrum, torch::tensor({0.75, 0.25}, torch::kFloat64)));
  CHECK(std::abs(diva::rho_spectrum(spectrum, 1) - (0.5 * std::log(0.5 / 0.75) + 0.5 * std::log(0.5 / 0.25))) < 1e-12);
  CHECK(std::abs(diva::rho_spectrum(spectrum, -1) - (0.75 * std::log(1.5) + 0.25 * std::log(0.5))) < 1e-12);
  CHECK(std::abs(diva::rho_spectrum(spectrum, 2)) < 1e-12);  // one value is left: flat
  CHECK_THROWS_AS(diva::rho_spectrum(spectrum, 0), diva::OptionError);
}

TEST_CASE("the spectrum agrees with a singular value decomposition") {
  diva::Generator generator(3);
  const auto x = generator.normal({200, 12}, torch::kFloat64);
  const auto values = std::get<1>(torch::linalg_svd(x, false));
  CHECK(torch::allclose(diva::singular_spectrum(x), values / values.sum(), 1e-9, 1e-12));
  CHECK(diva::singular_spectrum(x, diva::Variant::repo).size(0) == 11);
}

TEST_CASE("features that are not finite are refused") {
  const auto x = torch::full({3, 2}, NAN);
  CHECK_THROWS_AS(diva::class_distances(x, torch::zeros({3}, torch::kInt64)), diva::DataError);
  CHECK_THROWS_AS(diva::singular_spectrum(x), diva::DataError);
}
