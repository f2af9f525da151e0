#include "support/catch.hpp"
#include "support/proxies.hpp"

#include <diva/losses/p2sgrad_loss.hpp>

using Catch::Matchers::WithinAbs;
using diva::P2SGradLoss;
using diva::P2SGradLossOptions;

namespace {

const auto x = torch::tensor({{3.0, 4.0}}, torch::kFloat64);

}  // namespace

TEST_CASE("p2sgrad worked by hand") {
  // Cosines 0.6, 0.8: ((0.6 − 1)² + 0.8²) / 2 = 0.4, and of class 1 (0.6² + 0.2²) / 2 = 0.2.
  auto loss = with_proxies<P2SGradLoss>(P2SGradLossOptions{}, torch::tensor({{2.0, 0.0}, {0.0, 1.0}}, torch::kFloat64));
  CHECK_THAT(loss.forward(x, indices({0})).item<double>(), WithinAbs(0.4, 1e-12));
  CHECK_THAT(loss.forward(x, indices({1})).item<double>(), WithinAbs(0.2, 1e-12));
  CHECK_THAT(loss.forward(x * 0, indices({1})).item<double>(), WithinAbs(0.5, 1e-12));
  CHECK(torch::allclose(loss.logits(x), torch::tensor({{0.6, 0.8}}, torch::kFloat64)));
}

TEST_CASE("the gradient of the weights is orthogonal to them, in PML's form that of unit vectors") {
  // 2 (cos − target) x̂ / C: −0.4 (0.6, 0.8) and 0.8 (0.6, 0.8).
  const auto gradient = [](diva::Variant variant) {
    auto loss = with_proxies<P2SGradLoss>(P2SGradLossOptions{.variant = variant}, torch::eye(2, torch::kFloat64));
    loss.forward(x, indices({0})).backward();
    return loss.proxies().grad();
  };
  CHECK(torch::allclose(gradient(diva::Variant::pml), torch::tensor({{-0.24, -0.32}, {0.48, 0.64}}, torch::kFloat64), 0, 1e-6));
  CHECK(torch::allclose(gradient(diva::Variant::fixed), torch::tensor({{0.0, -0.32}, {0.48, 0.0}}, torch::kFloat64)));
}

TEST_CASE("p2sgrad leaves its weights as they are") {
  const auto rows = torch::tensor({{2.0, 0.0}, {0.0, 1.0}}, torch::kFloat64);
  auto loss = with_proxies<P2SGradLoss>(P2SGradLossOptions{.variant = diva::Variant::pml}, rows);
  loss.forward(x, indices({0}));
  CHECK(torch::equal(loss.proxies().detach(), rows));
}
