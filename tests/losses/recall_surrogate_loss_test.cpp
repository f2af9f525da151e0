#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/losses/recall_surrogate_loss.hpp>

#include <algorithm>
#include <cmath>

using Catch::Matchers::WithinAbs;
using diva::Variant;

namespace {

torch::Tensor at_angles(std::vector<double> degrees) {
  const auto angles = torch::tensor(degrees, torch::kFloat64) * (M_PI / 180);
  return torch::stack({angles.cos(), angles.sin()}, 1);
}

torch::Tensor classes(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// By loops over anchors, positives and the rest.
double slow(const torch::Tensor& x, const torch::Tensor& labels, const diva::RecallSurrogateLossOptions& options) {
  const auto similarities = x.mm(x.t());
  const auto n = x.size(0);
  const auto* y = labels.data_ptr<std::int64_t>();
  double total = 0;
  int anchors = 0;
  for (std::int64_t q = 0; q < n; ++q) {
    std::vector<double> ranks;
    for (std::int64_t i = 0; i < n; ++i) {
      if (i == q || y[i] != y[q]) continue;
      double rank = 1;
      for (std::int64_t j = 0; j < n; ++j) {
        if (j == i || (j == q && options.variant != Variant::repo)) continue;
        rank += sigmoid((similarities[q][j] - similarities[q][i]).item<double>() / options.temperature);
      }
      ranks.push_back(rank);
    }
    if (ranks.empty()) continue;
    double recall = 0;
    for (const auto k : options.k) {
      double found = 0;
      for (const double rank : ranks) found += sigmoid((static_cast<double>(k) - rank) / options.rank_temperature);
      const auto positives = static_cast<double>(ranks.size()), limit = static_cast<double>(k);
      recall += options.variant == Variant::paper ? found / positives : std::min(found, limit) / std::min(limit, positives);
    }
    total += 1 - recall / static_cast<double>(options.k.size());
    ++anchors;
  }
  return anchors == 0 ? 0 : total / anchors;
}

}  // namespace

TEST_CASE("recall_surrogate worked by hand") {
  // Anchor 0°, a positive at 60° (s = ½), a negative at 90° (0), τ₂ = ½, τ₁ = 1: rank 1 + σ(−1).
  // k = 1: σ(−σ(−1)); k = 2: σ(1 − σ(−1)), each of min(k, N⁺) = 1.
  diva::RecallSurrogateLoss loss({.k = {1, 2}, .temperature = 0.5});
  const auto value = loss.forward(at_angles({0}), classes({0}), {}, diva::Reference{at_angles({60, 90}), classes({0, 1})});
  CHECK_THAT(value.item<double>(), WithinAbs(1 - (sigmoid(-sigmoid(-1)) + sigmoid(1 - sigmoid(-1))) / 2, 1e-12));
}

TEST_CASE("recall_surrogate agrees with loops in every variant") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    diva::Generator generator(seed);
    auto x = generator.normal({10, 4}, torch::kFloat64);
    x = x / x.norm(2, 1, true);
    const auto labels = (generator.uniform({10}, torch::kFloat64) * 3).floor().to(torch::kInt64);
    for (const auto variant : {Variant::fixed, Variant::paper, Variant::repo}) {
      const diva::RecallSurrogateLossOptions options{
          .k = {1, 3, 8}, .temperature = 0.05, .rank_temperature = 0.7, .variant = variant};
      CHECK_THAT(diva::RecallSurrogateLoss(options).forward(x, labels).item<double>(), WithinAbs(slow(x, labels, options), 1e-12));
    }
  }
}

TEST_CASE("recall_surrogate with sharp sigmoids is one minus recall") {
  // Every positive has rank 1 or 2, so all are among the first three.
  diva::RecallSurrogateLoss loss({.k = {3}, .temperature = 1e-4, .rank_temperature = 1e-3});
  CHECK_THAT(loss.forward(at_angles({0, 2, 180, 183, 187}), classes({0, 0, 1, 1, 1})).item<double>(), WithinAbs(0, 1e-9));
  // The positive of 0° is the last of four: never among the first three.
  const diva::Reference reference{at_angles({90, 10, 20, 30}), classes({0, 1, 1, 1})};
  CHECK_THAT(loss.forward(at_angles({0}), classes({0}), {}, reference).item<double>(), WithinAbs(1, 1e-9));
}

TEST_CASE("recall_surrogate refuses empty and wrong k") {
  CHECK_THROWS_AS(diva::RecallSurrogateLoss({.k = {}}), diva::OptionError);
  CHECK_THROWS_AS(diva::RecallSurrogateLoss({.k = {0}}), diva::OptionError);
  CHECK_THROWS_AS(diva::RecallSurrogateLoss({.rank_temperature = 0}), diva::OptionError);
}
