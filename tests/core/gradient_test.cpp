#include "support/catch.hpp"

#include <torch/utils.h>
#include <diva/core/gradient.hpp>

TEST_CASE("with_gradient makes one node of the graph from a value and its gradients") {
  // f(x, y) = Σ x·y with the gradients y and x, inside 3·f(2x, y): ∂/∂x = 3·2·y, ∂/∂y = 3·2x.
  const auto x = torch::tensor({1.0, 2.0}, torch::kFloat64).requires_grad_(),
             y = torch::tensor({5.0, 7.0}, torch::kFloat64).requires_grad_();
  const auto f = [](const torch::Tensor& a, const torch::Tensor& b) {
    const auto p = a.detach(), q = b.detach();
    return diva::detail::with_gradient((p * q).sum(), {a, b}, [=](const torch::Tensor& gradient) {
      return std::vector<torch::Tensor>{gradient * q, gradient * p};
    });
  };
  const auto value = 3 * f(2 * x, y);
  CHECK(value.item<double>() == 3 * (2 * 5 + 4 * 7));
  value.backward();
  CHECK(torch::equal(x.grad(), torch::tensor({30.0, 42.0}, torch::kFloat64)));
  CHECK(torch::equal(y.grad(), torch::tensor({6.0, 12.0}, torch::kFloat64)));
}

TEST_CASE("with_gradient records nothing where nothing requires a gradient, and skips inputs without one") {
  const auto one = torch::ones({2}, torch::kFloat64);
  const auto never = [](const torch::Tensor&) -> std::vector<torch::Tensor> { throw std::runtime_error("called"); };
  CHECK_FALSE(diva::detail::with_gradient(one.sum(), {one}, never).requires_grad());
  const auto x = one.clone().requires_grad_();
  {
    const torch::NoGradGuard guard;
    CHECK_FALSE(diva::detail::with_gradient(x.detach().sum(), {x}, never).requires_grad());
  }
  const auto value = diva::detail::with_gradient(one.sum(), {one, x}, [&](const torch::Tensor& gradient) {
    return std::vector<torch::Tensor>{torch::Tensor(), gradient * one};
  });
  value.backward();
  CHECK(torch::equal(x.grad(), one));
}
