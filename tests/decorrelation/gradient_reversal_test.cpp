#include "support/catch.hpp"

#include <diva/decorrelation/gradient_reversal.hpp>

TEST_CASE("gradient reversal is the identity forward and the negative backward") {
  auto x = torch::tensor({1.0, -2.0}, torch::kFloat64).requires_grad_();
  const auto y = diva::gradient_reversal(x, 3);
  CHECK(torch::equal(y, x));
  (y * torch::tensor({10.0, 100.0}, torch::kFloat64)).sum().backward();
  CHECK(torch::equal(x.grad(), torch::tensor({-30.0, -300.0}, torch::kFloat64)));
}
