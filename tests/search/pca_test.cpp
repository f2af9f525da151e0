#include "support/catch.hpp"

#include <ATen/Parallel.h>
#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/search/pca.hpp>

#include <cmath>
#include <vector>

using Catch::Matchers::Contains;
using diva::fit_pca;
using diva::Generator;
using diva::Pca;

namespace {

torch::Tensor doubles(std::vector<double> values) { return torch::tensor(values, torch::kFloat64); }

bool near(const torch::Tensor& a, const torch::Tensor& b, double tolerance) {
  return a.sizes() == b.sizes() && (a - b).abs().max().item<double>() <= tolerance;
}

// Slow and obvious: the covariance entry by entry, then each component by power iteration on what the earlier ones leave.
Pca by_power_iteration(const torch::Tensor& features, std::int64_t components) {
  const auto x = features.to(torch::kFloat64);
  const auto count = x.size(0), dim = x.size(1);
  const auto mean = x.mean(0);
  auto covariance = torch::zeros({dim, dim}, torch::kFloat64);
  for (std::int64_t i = 0; i < dim; ++i) {
    for (std::int64_t j = 0; j < dim; ++j) {
      covariance[i][j] = ((x.select(1, i) - mean[i]) * (x.select(1, j) - mean[j])).sum() / static_cast<double>(count - 1);
    }
  }
  Pca result{.mean = mean,
             .components = torch::zeros({components, dim}, torch::kFloat64),
             .explained_variance = torch::zeros({components}, torch::kFloat64),
             .scales = {},
             .total_variance = covariance.trace().item<double>()};
  for (std::int64_t k = 0; k < components; ++k) {
    auto w = torch::ones({dim}, torch::kFloat64) + torch::arange(dim, torch::kFloat64) * 0.1;
    for (int step = 0; step < 3000; ++step) {
      w = torch::mv(covariance, w);
      w = w / w.norm();
    }
    const auto variance = torch::dot(w, torch::mv(covariance, w));
    covariance = covariance - variance * torch::outer(w, w);
    if (w[w.abs().argmax()].item<double>() < 0) w = -w;
    result.components[k] = w;
    result.explained_variance[k] = variance;
  }
  return result;
}

// Rows whose directions have the variances 1, 1/2², 1/3², … about a mean that is not zero, turned.
torch::Tensor spectrum(std::int64_t count, std::int64_t dim, Generator& generator) {
  const auto scales = 1 / torch::arange(1, dim + 1, torch::kFloat64);
  const auto turn = std::get<0>(at::linalg_qr(generator.normal({dim, dim}, torch::kFloat64)));
  return torch::mm(generator.normal({count, dim}, torch::kFloat64) * scales, turn) + 3;
}

}  // namespace

TEST_CASE("fit_pca finds the axes of four points of a cross") {
  // (7, 1), (3, 1), (5, 2), (5, 0) about the mean (5, 1): squares 4 + 4 along the first axis, 1 + 1 along the second; divisor 3.
  const auto points = torch::tensor({7.F, 1.F, 3.F, 1.F, 5.F, 2.F, 5.F, 0.F}).view({4, 2});
  const auto pca = fit_pca(points);
  CHECK(near(pca.mean, doubles({5, 1}), 1e-15));
  CHECK(near(pca.components, torch::eye(2, torch::kFloat64), 1e-15));
  CHECK(near(pca.explained_variance, doubles({8.0 / 3, 2.0 / 3}), 1e-15));
  CHECK_THAT(pca.total_variance, Catch::Matchers::WithinRel(10.0 / 3, 1e-14));
  CHECK(near(diva::transform(pca, points), torch::tensor({2.F, 0.F, -2.F, 0.F, 0.F, 1.F, 0.F, -1.F}).view({4, 2}), 1e-7));
  // Whitened: 2 / √(8/3) = √1.5 and 1 / √(2/3) = √1.5.
  const auto white = diva::transform(fit_pca(points, {.whiten = true}), points);
  CHECK(near(white, std::sqrt(1.5F) * torch::tensor({1.F, 0.F, -1.F, 0.F, 0.F, 1.F, 0.F, -1.F}).view({4, 2}), 1e-6));
}

TEST_CASE("fit_pca gives a diagonal line the positive direction, with fewer rows than dimensions too") {
  // ±(1, -2, 2): one direction (1, -2, 2) / 3, of which the first entry of magnitude 2/3 becomes positive; variance (9 + 9) / 1.
  const auto points = torch::tensor({1.F, -2.F, 2.F, -1.F, 2.F, -2.F}).view({2, 3});
  const auto pca = fit_pca(points, {.components = 1});
  CHECK(near(pca.components, doubles({-1.0 / 3, 2.0 / 3, -2.0 / 3}).view({1, 3}), 1e-15));
  CHECK(near(pca.explained_variance, doubles({18}), 1e-13));
}

TEST_CASE("fit_pca agrees with power iteration on either side of square") {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    CAPTURE(seed);
    Generator generator(seed);
    const auto count = 4 + generator.below(30), dim = 3 + generator.below(12),
               kept = std::min<std::int64_t>(3, std::min(count - 1, dim));
    const auto features = spectrum(count, dim, generator);
    const auto found = fit_pca(features, {.components = kept}), expected = by_power_iteration(features, kept);
    CHECK(near(found.mean, expected.mean, 1e-13));
    CHECK(near(found.explained_variance, expected.explained_variance, 1e-9));
    CHECK_THAT(found.total_variance, Catch::Matchers::WithinRel(expected.total_variance, 1e-12));
    // Of two variances that nearly agree, power iteration cannot tell the directions.
    const auto all = fit_pca(features).explained_variance;
    for (std::int64_t k = 0; k < kept; ++k) {
      if (k + 1 < all.size(0) && all[k + 1].item<double>() > 0.95 * all[k].item<double>()) break;
      CHECK(near(found.components[k], expected.components[k], 1e-8));
    }
  }
}

TEST_CASE("fit_pca gives orthonormal components that decorrelate the rows, over many shapes") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    Generator generator(seed);
    const auto count = 2 + generator.below(60), dim = 1 + generator.below(60), size = std::min(count, dim);
    const auto features = spectrum(count, dim, generator);
    const auto pca = fit_pca(features, {.whiten = true});
    CHECK(near(torch::mm(pca.components, pca.components.t()), torch::eye(size, torch::kFloat64), 1e-12));
    const auto projected = diva::transform(pca, features);
    const auto covariance = torch::mm(projected.t(), projected) / static_cast<double>(count - 1);
    const auto present = (pca.explained_variance > 0).to(torch::kFloat64);
    CHECK(near(covariance, torch::diag(present), 1e-7));
    CHECK(present.sum().item<double>() == static_cast<double>(std::min(count - 1, dim)));
    CHECK_THAT(pca.explained_variance.sum().item<double>(), Catch::Matchers::WithinRel(pca.total_variance, 1e-10));
    // All components together only turn the rows.
    const auto turned = diva::transform(fit_pca(features), features);
    CHECK(near(torch::cdist(turned, turned, 2, 2), torch::cdist(features, features, 2, 2), 1e-12));  // 2: not by products
  }
}

TEST_CASE("fit_pca keeps a small variance beside a large offset, in float32 input") {
  // The mean 4096 is 2^16 times the deviation 1/16, which float32 holds exactly; without centring, squares would drown it.
  const auto sign = torch::tensor({1.F, -1.F, 1.F, -1.F}).view({4, 1});
  const auto pca = fit_pca(sign / 16 + 4096);
  CHECK_THAT(pca.explained_variance.item<double>(), Catch::Matchers::WithinRel(4.0 / 256 / 3, 1e-14));
}

TEST_CASE("fit_pca of more than one block and panel agrees with one product, whatever the threads") {
  Generator generator(3);
  const auto features = generator.normal({9000, 600}, torch::kFloat32) * torch::linspace(2, 0.1, 600);
  const auto x = features.to(torch::kFloat64), centred = x - x.mean(0);
  const auto expected = std::get<0>(at::linalg_eigh(torch::mm(centred.t(), centred) / 8999.0)).flip(0);
  const auto threads = at::get_num_threads();
  const auto many = fit_pca(features, {.components = 20});
  at::set_num_threads(1);
  const auto one = fit_pca(features, {.components = 20});
  at::set_num_threads(threads);
  CHECK(near(many.explained_variance, expected.slice(0, 0, 20), 1e-9));
  CHECK(torch::equal(many.components, one.components));
  CHECK(torch::equal(many.mean, one.mean));
  const auto wide = features.slice(0, 0, 300).clone();
  const auto by_rows = fit_pca(wide, {.components = 20});
  at::set_num_threads(1);
  const auto again = fit_pca(wide, {.components = 20});
  at::set_num_threads(threads);
  CHECK(torch::equal(by_rows.components, again.components));
}

TEST_CASE("fit_pca of equal rows and of one row has no variance and transforms to zeros") {
  for (const std::int64_t count : {1, 5}) {
    for (const std::int64_t dim : {1, 3, 8}) {
      const auto rows = torch::full({count, dim}, 0.1);
      const auto pca = fit_pca(rows, {.whiten = true});
      CHECK((pca.explained_variance == 0).all().item<bool>());
      CHECK((diva::transform(pca, rows) == 0).all().item<bool>());
      const auto size = std::min(count, dim);
      CHECK(near(torch::mm(pca.components, pca.components.t()), torch::eye(size, torch::kFloat64), 1e-14));
    }
  }
  CHECK(diva::transform(fit_pca(torch::ones({3, 2})), torch::empty({0, 2})).sizes() == torch::IntArrayRef({0, 2}));
}

TEST_CASE("fit_pca and transform keep types, and refuse what they cannot use") {
  Generator generator(1);
  const auto features = generator.normal({20, 4});
  const auto pca = fit_pca(features, {.components = 2});
  CHECK(diva::transform(pca, features).scalar_type() == torch::kFloat32);
  CHECK(diva::transform(pca, features.to(torch::kHalf)).scalar_type() == torch::kFloat32);
  CHECK(diva::transform(pca, features.to(torch::kFloat64)).scalar_type() == torch::kFloat64);
  CHECK_THROWS_WITH(fit_pca(features, {.components = 5}), "fit_pca: components must be at most min(N, D) = 4, got 5");
  CHECK_THROWS_AS(fit_pca(features, {.components = -1}), diva::OptionError);
  CHECK_THROWS_AS(fit_pca(torch::empty({0, 4})), diva::DataError);
  CHECK_THROWS_AS(fit_pca(features[0]), diva::ShapeError);
  auto broken = features.clone();
  broken[3][1] = INFINITY;
  CHECK_THROWS_AS(fit_pca(broken), diva::DataError);
  CHECK_THROWS_WITH(fit_pca(features.to(torch::kFloat64) * 1e200), Contains("finite"));
  CHECK_THROWS_WITH(diva::transform(pca, generator.normal({2, 5})),
                    "transform: features must be [rows, 4] on cpu, got [2, 5] float32 on cpu");
}
