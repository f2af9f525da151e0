#include "support/catch.hpp"
#include "support/proxies.hpp"

#include <diva/losses/proxy_anchor_loss.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;
using diva::ProxyAnchorLoss;
using diva::ProxyAnchorLossOptions;
using diva::ProxyMode;
using diva::Variant;

namespace {

// Cosines to the proxies e1, e2: sample 0 (class 0) has 1, 0; sample 1 (class 0) has 0, 1; sample 2 (class 1) has −1, 0.
const auto rows = torch::tensor({{1.0, 0.0}, {0.0, 2.0}}, torch::kFloat64);
const auto x = torch::tensor({{2.0, 0.0}, {0.0, 1.0}, {-1.0, 0.0}}, torch::kFloat64);
const auto labels = indices({0, 0, 1});
const double e = std::exp(1.0);

// α = 2, δ = ±0.5: positives give exp(1 − 2 cos), negatives exp(1 + 2 cos).
ProxyAnchorLossOptions options(ProxyMode mode, Variant variant = Variant::fixed) {
  return {
      .mode = mode, .positive_scale = 2, .positive_margin = 0.5, .negative_scale = 2, .negative_margin = -0.5, .variant = variant};
}

double value(const ProxyAnchorLossOptions& chosen, const diva::Tuples& tuples = {}) {
  return with_proxies<ProxyAnchorLoss>(chosen, rows).forward(x, labels, tuples).item<double>();
}

}  // namespace

TEST_CASE("proxy_anchor worked by hand") {
  // Positive terms: proxy 0 of samples 0 and 1, proxy 1 of sample 2. Negative terms: proxy 0 of sample 2, proxy 1 of 0 and 1.
  const double first = std::log(1 + 1 / e + e), second = std::log(1 + e);
  const double negative = (std::log(1 + 1 / e) + std::log(1 + e + e * e * e)) / 2;
  CHECK_THAT(value(options(ProxyMode::anchor)), WithinAbs((first + second) / 2 + negative, 1e-12));
  // The seed counts class 0 twice.
  CHECK_THAT(value(options(ProxyMode::anchor, Variant::repo)), WithinAbs((2 * first + second) / 3 + negative, 1e-12));
  // In the triplets (0, 0, 2) and (0, 1, 2) the samples occur three times, once and twice: weights 1, 1/3, 2/3 of the terms.
  const double weighted_negative = (std::log(1 + 2 / (3 * e)) + std::log(1 + e + e * e * e / 3)) / 2;
  CHECK_THAT(value(options(ProxyMode::anchor), diva::Triplets{indices({0, 0}), indices({0, 1}), indices({2, 2})}),
             WithinAbs((std::log(1 + 1 / e + e / 3) + std::log(1 + 2 * e / 3)) / 2 + weighted_negative, 1e-12));
}

TEST_CASE("proxy_anchor averages positive terms over the classes present, negative ones over all") {
  // Class 1 has no sample: one positive term, and proxy 0 has no negative: (0 + log(1 + e + e³)) / 2.
  auto loss = with_proxies<ProxyAnchorLoss>(options(ProxyMode::anchor), rows);
  CHECK_THAT(loss.forward(x.narrow(0, 0, 2), indices({0, 0})).item<double>(),
             WithinAbs(std::log(1 + 1 / e + e) + std::log(1 + e + e * e * e) / 2, 1e-12));
  // The seed leaves proxy 0 out of the mean.
  auto seed = with_proxies<ProxyAnchorLoss>(options(ProxyMode::anchor, Variant::repo), rows);
  CHECK_THAT(seed.forward(x.narrow(0, 0, 2), indices({0, 0})).item<double>(),
             WithinAbs(std::log(1 + 1 / e + e) + std::log(1 + e + e * e * e), 1e-12));
}

TEST_CASE("proxy_anchor in mode nca worked by hand") {
  const double negative = (std::log(1 + e) + std::log(1 + e * e * e) + std::log(1 + 1 / e)) / 3;
  CHECK_THAT(value(options(ProxyMode::nca)), WithinAbs((std::log(1 + 1 / e) + 2 * std::log(1 + e)) / 3 + negative, 1e-12));
  // The seed counts the own proxy once for each sample of the class in the batch.
  CHECK_THAT(value(options(ProxyMode::nca, Variant::repo)),
             WithinAbs((std::log(1 + 2 / e) + std::log(1 + 2 * e) + std::log(1 + e)) / 3 + negative, 1e-12));
}

TEST_CASE("proxy_anchor of distances has negated margins") {
  auto chosen = options(ProxyMode::anchor);
  chosen.positive_margin = -0.5;
  chosen.negative_margin = 0.5;
  chosen.distance = {.kind = diva::Distance::euclidean, .normalize = true};
  // Distances: sample 0 has 0, √2; sample 1 √2, 0; sample 2 2, √2. Positives give exp(2 d − 1), negatives exp(−2 d − 1).
  const double root = std::sqrt(2.0);
  const double positive = (std::log(1 + 1 / e + std::exp(2 * root - 1)) + std::log(1 + std::exp(2 * root - 1))) / 2;
  const double negative = (std::log(1 + std::exp(-5.0)) + std::log(1 + std::exp(-2 * root - 1) + 1 / e)) / 2;
  CHECK_THAT(value(chosen), WithinAbs(positive + negative, 1e-7));
}

TEST_CASE("proxy_anchor has one value for each class and term with the reducer none") {
  auto chosen = options(ProxyMode::anchor);
  chosen.reducer.kind = diva::Reduction::none;
  auto loss = with_proxies<ProxyAnchorLoss>(chosen, rows);
  CHECK(loss.forward(x, labels).size(0) == 4);
}
