#include "support/catch.hpp"

#include <torch/autograd.h>
#include <diva/core/error.hpp>
#include <diva/data/mixup.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;
using diva::Generator;

TEST_CASE("beta_variate has the mean and variance of its distribution") {
  for (const auto& [a, b] : {std::pair{2.0, 2.0}, {1.0, 1.0}, {0.2, 0.2}, {0.5, 3.0}, {8.0, 2.0}}) {
    Generator generator(3);
    constexpr int draws = 20'000;
    double sum = 0, squares = 0;
    for (int i = 0; i < draws; ++i) {
      const double x = diva::beta_variate(a, b, generator);
      REQUIRE((x >= 0 && x <= 1));
      sum += x;
      squares += x * x;
    }
    const double mean = sum / draws, variance = squares / draws - mean * mean;
    const double expected_variance = a * b / ((a + b) * (a + b) * (a + b + 1));
    INFO(a << ", " << b);
    CHECK_THAT(mean, WithinAbs(a / (a + b), 5 * std::sqrt(expected_variance / draws)));
    CHECK_THAT(variance, WithinAbs(expected_variance, 0.05 * expected_variance));
  }
  Generator generator(1);
  for (int i = 0; i < 1000; ++i) REQUIRE(std::isfinite(diva::beta_variate(1e-3, 1e-3, generator)));
  CHECK_THROWS_AS(diva::beta_variate(0, 1, generator), diva::OptionError);
}

TEST_CASE("manifold_mixup mixes each row with its partner by its weight") {
  Generator generator(7);
  const auto x = generator.normal({6, 2, 3});
  const auto mixed = diva::manifold_mixup(x, 2, generator);
  const auto sorted = std::get<0>(mixed.partners.sort());
  CHECK(torch::equal(sorted, torch::arange(6)));
  for (std::int64_t i = 0; i < 6; ++i) {
    const auto weight = mixed.weights[i].item<double>();
    CHECK((weight > 0 && weight < 1));
    const auto expected = weight * x[i] + (1 - weight) * x[mixed.partners[i].item<std::int64_t>()];
    CHECK(torch::allclose(mixed.features[i], expected, 1e-5, 1e-6));
  }
  CHECK(torch::equal(diva::manifold_mixup(x, 0, generator).features, x));
  CHECK(torch::allclose(diva::manifold_mixup(x.narrow(0, 0, 1), 2, generator).features, x.narrow(0, 0, 1)));
  CHECK(diva::manifold_mixup(x.narrow(0, 0, 0), 2, generator).features.size(0) == 0);
  Generator again(8), twice(8);
  CHECK(torch::equal(diva::manifold_mixup(x, 1, again).features, diva::manifold_mixup(x, 1, twice).features));
  CHECK_THROWS_AS(diva::manifold_mixup(torch::arange(3), 1, generator), diva::ShapeError);
  CHECK_THROWS_AS(diva::manifold_mixup(torch::tensor(1.0), 1, generator), diva::ShapeError);
  CHECK_THROWS_AS(diva::manifold_mixup(x, -1, generator), diva::OptionError);
}

TEST_CASE("manifold_mixup passes gradients to both rows: each receives its weights, which sum to the batch") {
  Generator generator(2);
  const auto x = generator.normal({5, 4}).requires_grad_();
  const auto mixed = diva::manifold_mixup(x, 2, generator);
  mixed.features.sum().backward();
  auto expected = mixed.weights.to(torch::kFloat32).clone();
  expected.index_add_(0, mixed.partners, 1 - mixed.weights.to(torch::kFloat32));
  CHECK(torch::allclose(x.grad(), expected.unsqueeze(1).expand({5, 4}), 1e-5, 1e-6));
}

TEST_CASE("similarity_mixup lies between two samples of one class, and so do its similarities") {
  Generator generator(4);
  const auto x = generator.normal({7, 3}, torch::kFloat64);
  const auto labels = torch::tensor({4, 9, 4, 1, 9, 4, 2}, torch::kInt64);  // 1 and 2 have one sample each
  const auto result = diva::similarity_mixup(x, labels, 3, generator);
  REQUIRE(result.embeddings.sizes() == torch::IntArrayRef({15, 3}));
  const auto query = generator.normal({3}, torch::kFloat64);
  for (std::int64_t v = 0; v < 15; ++v) {
    const auto label = result.labels[v].item<std::int64_t>();
    CHECK((label == 4 || label == 9));
    // Some pair of the class has the virtual sample on its line, at a part in [0, 1).
    bool found = false;
    for (std::int64_t i = 0; i < 7; ++i) {
      for (std::int64_t j = 0; j < 7; ++j) {
        if (i == j || labels[i].item<std::int64_t>() != label || labels[j].item<std::int64_t>() != label) continue;
        const auto direction = x[i] - x[j];
        const double alpha = ((result.embeddings[v] - x[j]).dot(direction) / direction.dot(direction)).item<double>();
        if (alpha < 0 || alpha >= 1 || !torch::allclose(result.embeddings[v], x[j] + alpha * direction)) continue;
        found = true;
        CHECK_THAT(result.embeddings[v].dot(query).item<double>(),
                   WithinAbs((alpha * x[i].dot(query) + (1 - alpha) * x[j].dot(query)).item<double>(), 1e-9));
      }
    }
    CHECK(found);
  }
  const auto alone = diva::similarity_mixup(x.narrow(0, 2, 2), labels.narrow(0, 2, 2), 1, generator);
  CHECK(alone.embeddings.sizes() == torch::IntArrayRef({0, 3}));
  CHECK(alone.labels.size(0) == 0);
  CHECK_THROWS_AS(diva::similarity_mixup(x, labels, 0, generator), diva::OptionError);
  CHECK_THROWS_AS(diva::similarity_mixup(x, labels.narrow(0, 0, 3), 1, generator), diva::ShapeError);
  CHECK_THROWS_AS(diva::similarity_mixup(x, labels.to(torch::kFloat32), 1, generator), diva::ShapeError);
}

TEST_CASE("similarity_mixup draws every partner of a class as often") {
  const auto x = torch::eye(4, torch::kFloat64);
  const auto labels = torch::zeros(4, torch::kInt64);
  Generator generator(11);
  const auto result = diva::similarity_mixup(x, labels, 3000, generator);
  // Rows of sample 0 hold 1 - alpha at their partner's place.
  const auto partners = result.embeddings.narrow(0, 0, 3000).narrow(1, 1, 3).gt(0).to(torch::kFloat64).sum(0);
  for (std::int64_t j = 0; j < 3; ++j) CHECK_THAT(partners[j].item<double>(), WithinAbs(1000, 130));  // 5 · √(3000 · 2/9)
}
