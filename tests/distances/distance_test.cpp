#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/distances/distance.hpp>

using diva::Distance;

namespace {

const auto kinds = {Distance::euclidean, Distance::squared_euclidean, Distance::cosine};

torch::Tensor points() {
  // a = (3, 4), b = (0, 0): distance 5; c = (-4, 3) is at a right angle to a: ‖a−c‖² = 7² + 1² = 50.
  return torch::tensor({{3.0, 4.0}, {0.0, 0.0}, {-4.0, 3.0}}, torch::kFloat64);
}

}  // namespace

TEST_CASE("distances of points worked by hand") {
  const auto x = points();
  const auto a = x.narrow(0, 0, 1), b = x.narrow(0, 1, 1), c = x.narrow(0, 2, 1);
  CHECK(diva::distance(a, b).item<double>() == 5);
  CHECK(diva::distance(a, b, Distance::squared_euclidean).item<double>() == 25);
  CHECK(diva::distance(a, c, Distance::squared_euclidean).item<double>() == 50);
  CHECK(std::abs(diva::distance(a, c, Distance::cosine).item<double>() - 1) < 1e-15);   // right angle
  CHECK(std::abs(diva::distance(a, -a, Distance::cosine).item<double>() - 2) < 1e-15);  // opposite
  CHECK(diva::distance(a, b, Distance::cosine).item<double>() == 1);                    // a row of zeros
}

TEST_CASE("pairwise similarities of points worked by hand") {
  // (3, 4), (0, 0) and (-4, 3) to (6, 8): cosines 1, 0, 0; products 50, 0, 0; distances 5, 10, √(10² + 5²).
  const auto x = points(), y = 2 * x.narrow(0, 0, 1);
  const auto column = [](double a, double b, double c) { return torch::tensor({{a}, {b}, {c}}, torch::kFloat64); };
  CHECK(torch::allclose(diva::pairwise_similarities(x, y, {.kind = Distance::cosine}), column(1, 0, 0), 0, 1e-15));
  CHECK(torch::allclose(diva::pairwise_similarities(x, y, {.kind = Distance::dot}), column(50, 0, 0)));
  CHECK(torch::allclose(diva::pairwise_similarities(x, y, {.kind = Distance::dot, .normalize = true}), column(1, 0, 0), 0, 1e-15));
  CHECK(torch::allclose(diva::pairwise_similarities(x, y, {.kind = Distance::euclidean}), -column(5, 10, std::sqrt(125.0))));
  CHECK(torch::allclose(diva::pairwise_similarities(x, y, {.kind = Distance::euclidean, .power = 2}), -column(25, 100, 125)));
}

TEST_CASE("pairwise distances agree with the distances of rows") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    diva::Generator generator(seed);
    const auto a = generator.normal({7, 5}, torch::kFloat64), b = generator.normal({4, 5}, torch::kFloat64);
    for (const auto kind : kinds) {
      const auto all = diva::pairwise_distances(a, b, kind);
      REQUIRE(all.sizes() == torch::IntArrayRef({7, 4}));
      for (std::int64_t i = 0; i < 4; ++i) {
        const auto row = diva::distance(a, b.narrow(0, i, 1).expand_as(a), kind);
        REQUIRE(torch::allclose(all.select(1, i), row, 1e-10, 1e-12));
      }
    }
  }
}

TEST_CASE("distance of a point to itself is exactly zero and its gradient finite") {
  for (const auto type : {torch::kFloat32, torch::kFloat64}) {
    for (const auto kind : kinds) {
      auto x = diva::Generator(1).normal({6, 8}, type);
      x = torch::cat({x, x, -x}).requires_grad_();  // duplicates and opposites
      const auto all = diva::pairwise_distances(x, x, kind);
      REQUIRE(all.diagonal().abs().max().item<double>() == 0);
      (all.sum() + diva::distance(x, x, kind).sum()).backward();
      REQUIRE(x.grad().isfinite().all().item<bool>());
    }
  }
}

TEST_CASE("distances have the gradient of finite differences") {
  diva::Generator generator(3);
  const auto b = generator.normal({4, 3}, torch::kFloat64);
  for (const auto kind : kinds) {
    auto a = generator.normal({5, 3}, torch::kFloat64).requires_grad_();
    const auto weights = generator.normal({5, 4}, torch::kFloat64);
    const auto value = [&](const torch::Tensor& x) { return (diva::pairwise_distances(x, b, kind) * weights).sum(); };
    value(a).backward();
    for (std::int64_t i = 0; i < a.numel(); ++i) {
      const auto step = torch::zeros({a.numel()}, torch::kFloat64).index_fill_(0, torch::tensor({i}), 1e-6).view_as(a);
      const double slope = ((value(a.detach() + step) - value(a.detach() - step)) / 2e-6).item<double>();
      REQUIRE(std::abs(slope - a.grad().view(-1)[i].item<double>()) < 1e-7 * (1 + std::abs(slope)));
    }
  }
}

TEST_CASE("distances pass NaN through and refuse shapes that do not fit") {
  const auto x = points();
  CHECK(diva::distance(x * NAN, x).isnan().all().item<bool>());
  CHECK(diva::pairwise_distances(x * NAN, x).isnan().all().item<bool>());
  CHECK_THROWS_AS(diva::distance(x, x.narrow(0, 0, 2)), diva::ShapeError);
  CHECK_THROWS_AS(diva::pairwise_distances(x, torch::zeros({3, 5}, torch::kFloat64)), diva::ShapeError);
  CHECK(diva::pairwise_distances(x.narrow(0, 0, 0), x).sizes() == torch::IntArrayRef({0, 3}));
}

TEST_CASE("every distance is listed") {
  const auto listings = diva::distance_listings();
  const auto kinds = enumerators(diva::Distance{});
  REQUIRE(listings.size() == kinds.size());
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    CHECK(listings[i].name == kinds[i].second);
    CHECK(*listings[i].summary.formula != 0);
  }
}
