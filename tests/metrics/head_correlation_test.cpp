#include "support/catch.hpp"

#include <torch/types.h>
#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/metrics/head_correlation.hpp>

#include <cmath>

using Catch::Matchers::Contains;
using Catch::Matchers::WithinAbs;
using diva::Generator;
using diva::head_correlation;

namespace {

// The definitions with the N × N matrices of inner products and one pair of dimensions after the other.
double slow_cka(const torch::Tensor& x, const torch::Tensor& y) {
  const auto a = x - x.mean(0), b = y - y.mean(0);
  const auto k = a.matmul(a.t()), l = b.matmul(b.t());
  return ((k * l).sum() / (k.norm() * l.norm())).item<double>();
}

double slow_cross(const torch::Tensor& x, const torch::Tensor& y, bool same) {
  double sum = 0, pairs = 0;
  for (std::int64_t i = 0; i < x.size(1); ++i) {
    for (std::int64_t j = 0; j < y.size(1); ++j) {
      if (same && i == j) continue;
      const auto a = x.select(1, i) - x.select(1, i).mean(), b = y.select(1, j) - y.select(1, j).mean();
      sum += std::abs((a * b).sum().item<double>() / (a.norm() * b.norm()).item<double>()), ++pairs;
    }
  }
  return sum / pairs;
}

}  // namespace

TEST_CASE("head_correlation of three heads worked by hand") {
  // Four samples. a: (±1, 0), (0, ±1); b: the first dimension of a, doubled, and 7 everywhere; c: what correlates with neither.
  // C_aa = 2 I, C_ab = (4 0; 0 0), C_bb = (8 0; 0 0): cka(a, b) = 16 / (√8 · 8) = 1/√2. Correlations 1, 0, 0, 0: cross(a, b) 1/4.
  const auto a = torch::tensor({1., 0., -1., 0., 0., 1., 0., -1.}, torch::kFloat64).view({4, 2});
  const auto b = torch::stack({2 * a.select(1, 0), torch::full({4}, 7., torch::kFloat64)}, 1);
  const auto c = torch::tensor({1., 1., -1., -1.}, torch::kFloat64).view({4, 1});
  const auto found = head_correlation({{"shared", b}, {"discriminative", a}, {"intra", c}});
  REQUIRE(found.heads == std::vector<std::string>{"discriminative", "intra", "shared"});
  const auto root = 1 / std::sqrt(2);
  CHECK(
      torch::allclose(found.cka, torch::tensor({1., 0., root, 0., 1., 0., root, 0., 1.}, torch::kFloat64).view({3, 3}), 0, 1e-14));
  CHECK(torch::allclose(found.cross, torch::tensor({0., 0., 0.25, 0., 0., 0., 0.25, 0., 0.}, torch::kFloat64).view({3, 3}), 0,
                        1e-14));
}

TEST_CASE("head_correlation agrees with its definitions, and blocks of rows do not matter") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    CAPTURE(seed);
    Generator generator(seed);
    const auto count = seed == 0 ? 9000 : 3 + generator.below(40);
    const auto base = generator.normal({count, 3}, torch::kFloat64);
    const auto x = torch::cat({base, generator.normal({count, 2}, torch::kFloat64)}, 1) + 10, y = base.square() + base - 3;
    const auto found = head_correlation({{"x", x}, {"y", y}});
    REQUIRE_THAT(found.cross[0][1].item<double>(), WithinAbs(slow_cross(x, y, false), 1e-10));
    REQUIRE_THAT(found.cross[0][0].item<double>(), WithinAbs(slow_cross(x, x, true), 1e-10));
    REQUIRE(torch::allclose(found.cka, found.cka.t(), 0, 1e-14));
    REQUIRE_THAT(found.cka[1][1].item<double>(), WithinAbs(1, 1e-12));
    if (count < 1000) REQUIRE_THAT(found.cka[0][1].item<double>(), WithinAbs(slow_cka(x, y), 1e-10));
    REQUIRE(torch::allclose(head_correlation({{"x", x.to(torch::kFloat32)}, {"y", y}}).cka, found.cka, 0, 1e-4));
  }
}

TEST_CASE("cka does not see rotations and scales, and independent heads score low on many samples") {
  Generator generator(3);
  const auto x = generator.normal({500, 6}, torch::kFloat64) * torch::arange(1, 7);
  const auto rotation = std::get<0>(torch::linalg_qr(generator.normal({6, 6}, torch::kFloat64)));
  const auto found =
      head_correlation({{"a", x}, {"b", 5 * x.matmul(rotation) + 1}, {"c", generator.normal({500, 6}, torch::kFloat64)}});
  CHECK_THAT(found.cka[0][1].item<double>(), WithinAbs(1, 1e-12));
  CHECK(found.cka[0][2].item<double>() < 0.03);
  CHECK_THAT(found.cross[0][2].item<double>(), WithinAbs(std::sqrt(2 / (M_PI * 500)), 0.02));
}

TEST_CASE("heads that are constant correlate with nothing, and bad heads are refused") {
  Generator generator(3);
  const auto x = generator.normal({20, 3});
  const auto found = head_correlation({{"constant", torch::full({20, 4}, 0.1F)}, {"x", x}});
  CHECK(found.cka[0][0].item<double>() == 0);
  CHECK(found.cka[0][1].item<double>() == 0);
  CHECK(found.cross[0][1].item<double>() == 0);
  CHECK(found.cross[0][0].item<double>() == 0);
  CHECK(head_correlation({{"x", x.slice(0, 0, 1)}}).cka.item<double>() == 0);  // one sample
  CHECK(head_correlation({}).cka.sizes() == torch::IntArrayRef({0, 0}));
  CHECK_THROWS_WITH(head_correlation({{"a", x}, {"b", x.slice(0, 1)}}), Contains("embeddings['b']"));
  CHECK_THROWS_AS(head_correlation({{"a", x * NAN}}), diva::DataError);
  CHECK_THROWS_AS(head_correlation({{"a", x.slice(0, 0, 0)}}), diva::DataError);
  CHECK_THROWS_AS(head_correlation({{"a", x.flatten()}}), diva::ShapeError);
}
