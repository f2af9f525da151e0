#include "support/catch.hpp"
#include "support/proxies.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/cosface_loss.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;
using diva::CosFaceLoss;
using diva::CosFaceLossOptions;

namespace {

const auto rows = torch::tensor({{2.0, 0.0}, {0.0, 3.0}, {0.0, -1.0}}, torch::kFloat64);

}  // namespace

TEST_CASE("cosface worked by hand") {
  // Cosines 0.6, 0.8, −0.8; s = 5, m = 0.2: logits 2, 4, −4.
  auto loss = with_proxies<CosFaceLoss>(CosFaceLossOptions{.margin = 0.2, .scale = 5}, rows);
  const auto x = torch::tensor({{3.0, 4.0}}, torch::kFloat64);
  CHECK_THAT(loss.forward(x, indices({0})).item<double>(), WithinAbs(std::log(1 + std::exp(2.0) + std::exp(-6.0)), 1e-12));
  // Of class 1: 3, 3, −4.
  CHECK_THAT(loss.forward(x, indices({1})).item<double>(), WithinAbs(std::log(2 + std::exp(-7.0)), 1e-12));
  CHECK(torch::allclose(loss.logits(x), torch::tensor({{3.0, 4.0, -4.0}}, torch::kFloat64)));
}

TEST_CASE("cosface with equal cosines has log(1 + (C − 1) exp(s m))") {
  auto loss = with_proxies<CosFaceLoss>(CosFaceLossOptions{.margin = 0.2, .scale = 5}, rows);
  CHECK_THAT(loss.forward(torch::zeros({1, 2}, torch::kFloat64), indices({2})).item<double>(),
             WithinAbs(std::log(1 + 2 * std::exp(1.0)), 1e-12));
}

TEST_CASE("cosface refuses options out of range") {
  diva::Generator generator(1);
  CHECK_THROWS_AS(CosFaceLoss({.margin = -0.1}, 2, 2, generator), diva::OptionError);
  CHECK_THROWS_AS(CosFaceLoss({.scale = 0}, 2, 2, generator), diva::OptionError);
}
