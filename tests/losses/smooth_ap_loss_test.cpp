#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/losses/smooth_ap_loss.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;

namespace {

torch::Tensor at_angles(std::vector<double> degrees) {
  const auto angles = torch::tensor(degrees, torch::kFloat64) * (M_PI / 180);
  return torch::stack({angles.cos(), angles.sin()}, 1);
}

torch::Tensor classes(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }

// One minus the mean average precision by loops over anchors, positives and the rest; `own` as the reference code.
double slow(const torch::Tensor& x, const torch::Tensor& labels, double temperature, bool own) {
  const auto similarities = x.mm(x.t());
  const auto n = x.size(0);
  const auto* y = labels.data_ptr<std::int64_t>();
  const auto at = [&](std::int64_t i, std::int64_t j) { return similarities[i][j].item<double>(); };
  double total = 0;
  int anchors = 0;
  for (std::int64_t q = 0; q < n; ++q) {
    double precision = 0;
    int positives = 0, others = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      if (y[i] != y[q] || (i == q && !own)) continue;
      others += i != q ? 1 : 0;
      ++positives;
      double among = 1, all = 1;
      for (std::int64_t j = 0; j < n; ++j) {
        if (j == i || (j == q && !own)) continue;
        const double before = 1 / (1 + std::exp(-(at(q, j) - at(q, i)) / temperature));
        all += before;
        if (y[j] == y[q]) among += before;
      }
      precision += among / all;
    }
    if (others == 0) continue;
    total += 1 - precision / positives;
    ++anchors;
  }
  return anchors == 0 ? 0 : total / anchors;
}

}  // namespace

TEST_CASE("smooth_ap worked by hand") {
  // Anchor 0°: positive at 60° (s = 0.5), negative at 90° (0); τ = 0.5: c⁻ = σ(−1), loss 1 − 1/(1 + σ(−1)).
  // Anchor 60°: positive 0° at 0.5, negative 90° at √3/2. The negative has no positive.
  const double first = 1 - 1 / (1 + 1 / (1 + std::exp(1.0)));
  const double second = 1 - 1 / (1 + 1 / (1 + std::exp(-(std::sqrt(3.0) / 2 - 0.5) / 0.5)));
  diva::SmoothApLoss loss({.temperature = 0.5});
  CHECK_THAT(loss.forward(at_angles({0, 60, 90}), classes({0, 0, 1})).item<double>(), WithinAbs((first + second) / 2, 1e-12));
}

TEST_CASE("smooth_ap of equal embeddings counts one half for each other, and of separated classes zero") {
  // One positive and two negatives, all equal: 1 − 1/(1 + 2·½).
  diva::SmoothApLoss loss;
  CHECK_THAT(loss.forward(at_angles({30, 30, 30, 30}), classes({0, 0, 1, 1})).item<double>(), WithinAbs(0.5, 1e-12));
  CHECK_THAT(loss.forward(at_angles({0, 1, 180, 181}), classes({0, 0, 1, 1})).item<double>(), WithinAbs(0, 1e-9));
}

TEST_CASE("smooth_ap agrees with loops, with and without the anchor in its own ranking") {
  for (std::uint64_t seed = 0; seed < 25; ++seed) {
    diva::Generator generator(seed);
    auto x = generator.normal({9, 4}, torch::kFloat64);
    x = x / x.norm(2, 1, true);
    const auto labels = (generator.uniform({9}, torch::kFloat64) * 3).floor().to(torch::kInt64);
    for (const auto variant : {diva::Variant::fixed, diva::Variant::repo, diva::Variant::pml}) {
      diva::SmoothApLoss loss({.temperature = 0.1, .variant = variant});
      CHECK_THAT(loss.forward(x, labels).item<double>(), WithinAbs(slow(x, labels, 0.1, variant != diva::Variant::fixed), 1e-12));
    }
  }
}

TEST_CASE("smooth_ap takes a reference and refuses a temperature of zero") {
  diva::SmoothApLoss loss({.temperature = 0.5});
  const auto value = loss.forward(at_angles({0}), classes({0}), {}, diva::Reference{at_angles({60, 90}), classes({0, 1})});
  CHECK_THAT(value.item<double>(), WithinAbs(1 - 1 / (1 + 1 / (1 + std::exp(1.0))), 1e-12));
  CHECK_THROWS_AS(diva::SmoothApLoss({.temperature = 0}), diva::OptionError);
}
