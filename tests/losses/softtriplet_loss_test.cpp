#include "support/catch.hpp"
#include "support/proxies.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/cosface_loss.hpp>
#include <diva/losses/softtriplet_loss.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;
using diva::SoftTripletLoss;
using diva::SoftTripletLossOptions;
using diva::Variant;

namespace {

// Class 0 has the centres e1, e2, class 1 −e1, −e2, of other lengths.
const auto centers = torch::tensor({{2.0, 0.0}, {0.0, 1.0}, {-1.0, 0.0}, {0.0, -3.0}}, torch::kFloat64);
const auto x = torch::tensor({{4.0, 0.0}}, torch::kFloat64);

}  // namespace

TEST_CASE("softtriplet worked by hand") {
  // Similarities of class 0: 1, 0, with γ = 0.5 weighed e² : 1, so S = e²/(e² + 1); of class 1: −1, 0, S = −1/(e² + 1).
  // λ = 3, δ = 0.1: log(1 + exp(3 (S_1 − S_0 + 0.1))), S_1 − S_0 = −1.
  const SoftTripletLossOptions options{.centers = 2, .margin = 0.1, .gamma = 0.5, .lambda = 3, .center_penalty = 0};
  auto loss = with_proxies<SoftTripletLoss>(options, centers, 2);
  const double expected = std::log(1 + std::exp(3 * (-1 + 0.1)));
  CHECK_THAT(loss.forward(x, indices({0})).item<double>(), WithinAbs(expected, 1e-12));
  const double e2 = std::exp(2.0);
  CHECK(torch::allclose(loss.logits(x), torch::tensor({{e2 / (e2 + 1), -1 / (e2 + 1)}}, torch::kFloat64)));
  // Each class has one pair of orthogonal centres: τ · 2 √2.00001 / (2 · 2 · 1).
  auto with_penalty = options;
  with_penalty.center_penalty = 0.4;
  CHECK_THAT(with_proxies<SoftTripletLoss>(with_penalty, centers, 2).forward(x, indices({0})).item<double>(),
             WithinAbs(expected + 0.2 * std::sqrt(2.00001), 1e-12));
}

TEST_CASE("softtriplet with one centre a class is cosface without a penalty") {
  const auto batch = diva::Generator(1).normal({5, 2}, torch::kFloat64);
  const auto labels = indices({0, 1, 2, 3, 0});
  auto one = with_proxies<SoftTripletLoss>(SoftTripletLossOptions{.centers = 1, .margin = 0.1, .lambda = 3}, centers);
  auto cosface = with_proxies<diva::CosFaceLoss>(diva::CosFaceLossOptions{.margin = 0.1, .scale = 3}, centers);
  CHECK_THAT(one.forward(batch, labels).item<double>(), WithinAbs(cosface.forward(batch, labels).item<double>(), 1e-12));
}

TEST_CASE("softtriplet of nothing has no penalty") {
  auto loss = with_proxies<SoftTripletLoss>(SoftTripletLossOptions{.centers = 2}, centers, 2);
  CHECK(loss.forward(x.narrow(0, 0, 0), indices({})).item<double>() == 0);
  CHECK(loss.forward(x, indices({0}), diva::Triplets{indices({}), indices({}), indices({})}).item<double>() == 0);
}

TEST_CASE("the penalty of merged centres is finite, that of the seed's axes too") {
  for (const auto variant : {Variant::fixed, Variant::repo}) {
    const auto equal = torch::ones({4, 64}, torch::kFloat64);
    auto loss = with_proxies<SoftTripletLoss>(SoftTripletLossOptions{.centers = 2, .variant = variant}, equal, 2);
    const auto leaf = torch::ones({1, 64}, torch::kFloat64).requires_grad_();
    const auto value = loss.forward(leaf, indices({1}));
    value.backward();
    CHECK(value.isfinite().item<bool>());
    CHECK(leaf.grad().isfinite().all().item<bool>());
    CHECK(loss.proxies().grad().isfinite().all().item<bool>());
  }
}

TEST_CASE("softtriplet refuses options that do not fit") {
  diva::Generator generator(1);
  CHECK_THROWS_AS(SoftTripletLoss({.centers = 0}, 2, 2, generator), diva::OptionError);
  CHECK_THROWS_AS(SoftTripletLoss({.gamma = 0}, 2, 2, generator), diva::OptionError);
  CHECK_THROWS_AS(SoftTripletLoss({.variant = Variant::repo, .proxies = {.sample_rate = 0.5}}, 2, 2, generator), diva::OptionError);
}
