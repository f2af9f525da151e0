#include "support/catch.hpp"
#include "support/proxies.hpp"

#include <diva/losses/proxynca_loss.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;
using diva::ProxyNcaLoss;
using diva::ProxyNcaLossOptions;

namespace {

// Squared distances between unit vectors: sample 0 = 2 e1 has 0, 2, 4 to the proxies; sample 1 = e2 has 2, 0, 2.
const auto rows = torch::tensor({{3.0, 0.0}, {0.0, 0.5}, {-1.0, 0.0}}, torch::kFloat64);
const auto x = torch::tensor({{2.0, 0.0}, {0.0, 1.0}}, torch::kFloat64);
const auto labels = indices({0, 0});

double value(const ProxyNcaLossOptions& options, const diva::Tuples& tuples = {}) {
  return with_proxies<ProxyNcaLoss>(options, rows).forward(x, labels, tuples).item<double>();
}

}  // namespace

TEST_CASE("proxynca worked by hand") {
  // s = 1: 0 + log(e^-2 + e^-4) and 2 + log(1 + e^-2).
  const double first = std::log(std::exp(-2.0) + std::exp(-4.0)), second = 2 + std::log(1 + std::exp(-2.0));
  CHECK_THAT(value({.scale = 1}), WithinAbs((first + second) / 2, 1e-12));
  // The seed's length of 3: s = 9.
  const double seed = (std::log(std::exp(-18.0) + std::exp(-36.0)) + 18 + std::log(1 + std::exp(-18.0))) / 2;
  CHECK_THAT(value({}), WithinAbs(seed, 1e-12));
  // Only sample 0 is an anchor of the triplet: weights 1 and 0.
  CHECK_THAT(value({.scale = 1}, diva::Triplets{indices({0}), indices({1}), indices({1})}), WithinAbs(first / 2, 1e-12));
}

TEST_CASE("proxynca with the own class in the denominator worked by hand") {
  const double first = std::log(1 + std::exp(-2.0) + std::exp(-4.0)), second = 2 + std::log(1 + 2 * std::exp(-2.0));
  CHECK_THAT(value({.scale = 1, .include_positive = true}), WithinAbs((first + second) / 2, 1e-12));
  // Cosine distances are half the squared ones.
  CHECK_THAT(value({.scale = 2, .include_positive = true, .distance = {.kind = diva::Distance::cosine}}),
             WithinAbs((first + second) / 2, 1e-12));
  // Euclidean: 0, √2, 2 and √2, 0, √2.
  const double root = std::sqrt(2.0);
  const double third = std::log(1 + std::exp(-root) + std::exp(-2.0)), fourth = root + std::log(1 + 2 * std::exp(-root));
  CHECK_THAT(value({.scale = 1, .include_positive = true, .distance = {.kind = diva::Distance::euclidean, .normalize = true}}),
             WithinAbs((third + fourth) / 2, 1e-7));
  // Not normalised, squared: sample 0 at 1, 4.25, 9, sample 1 at 10, 0.25, 2.
  const double fifth = 1 + std::log(std::exp(-1.0) + std::exp(-4.25) + std::exp(-9.0)),
               sixth = 10 + std::log(std::exp(-10.0) + std::exp(-0.25) + std::exp(-2.0));
  CHECK_THAT(value({.scale = 1, .include_positive = true, .distance = {.kind = diva::Distance::squared_euclidean}}),
             WithinAbs((fifth + sixth) / 2, 1e-12));
}

TEST_CASE("proxynca is exact where the probability of the own class is no longer a float") {
  auto loss = with_proxies<ProxyNcaLoss>(ProxyNcaLossOptions{.scale = 1000, .include_positive = true}, rows);
  loss.to(torch::kFloat32);
  // Sample 1: 2000 to its own proxy, 0 to another.
  CHECK(loss.forward(x.narrow(0, 1, 1).to(torch::kFloat32), indices({0})).item<double>() == 2000);
}

TEST_CASE("proxynca with one class has nothing to separate") {
  auto loss = with_proxies<ProxyNcaLoss>(ProxyNcaLossOptions{}, rows.narrow(0, 0, 1));
  const auto leaf = x.clone().requires_grad_();
  const auto result = loss.forward(leaf, labels);
  result.backward();
  CHECK(result.item<double>() == 0);
  CHECK(leaf.grad().abs().max().item<double>() == 0);
}

TEST_CASE("the logits of proxynca are minus the scaled distances") {
  CHECK(torch::allclose(with_proxies<ProxyNcaLoss>(ProxyNcaLossOptions{.scale = 2}, rows).logits(x),
                        torch::tensor({{0.0, -4.0, -8.0}, {-4.0, 0.0, -4.0}}, torch::kFloat64)));
}
