#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/report/projection.hpp>

TEST_CASE("pca finds the long axis first, worked by hand") {
  // Points on the axes: ±1 along y, −2 and 4 along x (mean 0.5): x varies most, and its far end is made positive.
  const auto x = torch::tensor({{4.0, 0.0, 7.0}, {-2.0, 0.0, 7.0}, {0.0, 1.0, 7.0}, {0.0, -1.0, 7.0}}, torch::kFloat64);
  const auto map = diva::pca_2d(x);
  CHECK(torch::allclose(map.select(1, 0), torch::tensor({3.5, -2.5, -0.5, -0.5}, torch::kFloat64)));
  CHECK(torch::allclose(map.select(1, 1).abs(), torch::tensor({0.0, 0.0, 1.0, 1.0}, torch::kFloat64), 1e-5, 1e-9));
}

TEST_CASE("t-SNE keeps separated clusters apart and is a function of its generator") {
  diva::Generator data(1), one(2), same(2);
  const auto labels = torch::arange(90).remainder(3);
  const auto x = 10 * torch::eye(3, 8).index_select(0, labels) + data.normal({90, 8});
  const auto map = diva::tsne_2d(x, one), again = diva::tsne_2d(x, same);
  CHECK(torch::equal(map, again));
  const auto distances = torch::cdist(map, map) + 1e9 * torch::eye(90, torch::kFloat64);
  const auto nearest = distances.argmin(1);
  CHECK((labels.index_select(0, nearest) == labels).to(torch::kFloat64).mean().item<double>() > 0.95);
}

TEST_CASE("projections of few, equal or bad points are finite or refused") {
  diva::Generator generator(1);
  CHECK(diva::tsne_2d(torch::ones({3, 4}), generator).isfinite().all().item<bool>());
  CHECK(diva::tsne_2d(torch::ones({20, 4}), generator).isfinite().all().item<bool>());
  CHECK(diva::pca_2d(torch::empty({0, 4})).size(0) == 0);
  CHECK_THROWS_AS(diva::pca_2d(torch::full({3, 4}, NAN)), diva::DataError);
  CHECK_THROWS_AS(diva::pca_2d(torch::ones({3, 1})), diva::ShapeError);
  CHECK_THROWS_AS(diva::tsne_2d(torch::ones({5001, 2}), generator), diva::ShapeError);
}
