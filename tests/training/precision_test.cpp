#include "support/catch.hpp"

#include <torch/autograd.h>
#include <diva/core/error.hpp>
#include <diva/training/precision.hpp>

#include <limits>

using diva::Autocast;
using diva::Precision;

TEST_CASE("autocast computes products in bfloat16 while it lives, and nothing otherwise") {
  const auto a = torch::full({2, 2}, 1.0 / 3), b = torch::eye(2);
  {
    const Autocast off(Precision::float32, torch::kCPU);
    CHECK(a.mm(b).scalar_type() == torch::kFloat32);
  }
  {
    const Autocast on(Precision::bfloat16, torch::kCPU);
    CHECK(a.mm(b).scalar_type() == torch::kBFloat16);
    {
      const Autocast again(Precision::bfloat16, torch::kCPU);
      CHECK(a.mm(b).scalar_type() == torch::kBFloat16);
    }
    CHECK(a.mm(b).scalar_type() == torch::kBFloat16);
  }
  CHECK(a.mm(b).scalar_type() == torch::kFloat32);
}

TEST_CASE("a weight that was changed between two uses of autocast is not taken from its cache") {
  auto weight = torch::ones({2, 2}).requires_grad_();
  const auto x = torch::eye(2);
  const auto value = [&] {
    const Autocast on(Precision::bfloat16, torch::kCPU);
    return x.mm(weight).sum().item<double>();
  };
  CHECK(value() == 4);
  {
    const torch::NoGradGuard no_gradient;
    weight.mul_(2);
  }
  CHECK(value() == 8);
}

TEST_CASE("half precision on the CPU is refused") { CHECK_THROWS_AS(Autocast(Precision::half, torch::kCPU), diva::OptionError); }

TEST_CASE("the scale of losses is divided out of gradients, halves after an overflow and doubles after 2,000 good steps") {
  diva::LossScaler scaler;
  auto x = torch::full({2}, 3.0).requires_grad_();
  scaler.scale((x * x).sum()).backward();
  CHECK(x.grad()[0].item<double>() == 6 * 65536);
  REQUIRE(scaler.unscale({x, torch::ones({1})}));
  CHECK(x.grad()[0].item<double>() == 6);
  x.mutable_grad()[1] = std::numeric_limits<float>::infinity();
  CHECK_FALSE(scaler.unscale({x}));
  CHECK(scaler.scale() == 32768);
  x.mutable_grad().zero_();
  for (int i = 0; i < 1999; ++i) scaler.unscale({x});
  CHECK(scaler.scale() == 32768);
  diva::LossScaler other;
  other.restore(scaler.state());
  for (auto* one : {&scaler, &other}) {
    one->unscale({x});
    CHECK(one->scale() == 65536);
  }
}
