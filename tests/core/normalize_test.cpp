#include "support/catch.hpp"
#include "support/finite_differences.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/core/normalize.hpp>

TEST_CASE("l2_normalize makes rows of length 1 and leaves zeros") {
  // (3, 4) has length 5.
  const auto x = torch::tensor({{3.0, 4.0}, {0.0, 0.0}}, torch::kFloat64);
  CHECK(torch::allclose(diva::l2_normalize(x), torch::tensor({{0.6, 0.8}, {0.0, 0.0}}, torch::kFloat64)));
  CHECK(diva::l2_normalize(x * NAN).isnan().all().item<bool>());
}

TEST_CASE("l2_normalize has the gradient of its value, finite for a row of zeros") {
  diva::Generator generator(1);
  const auto weights = generator.normal({4, 3}, torch::kFloat64);
  auto x = generator.normal({4, 3}, torch::kFloat64).requires_grad_();
  CHECK(gradient_error([&] { return (diva::l2_normalize(x) * weights).sum(); }, x) < 1e-6);
  const auto zero = torch::zeros({1, 3}, torch::kFloat64).requires_grad_();
  diva::l2_normalize(zero).sum().backward();
  CHECK(zero.grad().isfinite().all().item<bool>());
}

TEST_CASE("l2_normalize refuses what is no matrix of floating point") {
  CHECK_THROWS_AS(diva::l2_normalize(torch::zeros({3})), diva::ShapeError);
  CHECK_THROWS_AS(diva::l2_normalize(torch::zeros({3, 2}, torch::kInt64)), diva::ShapeError);
}
