#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/ranked_list_loss.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;

namespace {

// Points of a line: distances are differences.
torch::Tensor line(std::vector<double> places) { return torch::tensor(places, torch::kFloat64).unsqueeze(1); }

torch::Tensor classes(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }

}  // namespace

TEST_CASE("ranked_list worked by hand") {
  // m = 0.4, α = 1.2. Anchor 0 of class 0; positives at 1 (v = 0.2) and 0.5 (inside the ball); negatives at −0.7 (v = 0.5), at −1
  // (v = 0.2) and at −3 (outside). T_n = 10: weights e⁵ and e².
  const diva::Reference reference{line({1, 0.5, -0.7, -1, -3}), classes({0, 0, 1, 1, 1})};
  const double e5 = std::exp(5.0), e2 = std::exp(2.0), pushed = (e5 * 0.5 + e2 * 0.2) / (e5 + e2);
  diva::RankedListLoss loss;
  CHECK_THAT(loss.forward(line({0}), classes({0}), {}, reference).item<double>(), WithinAbs(0.5 * 0.2 + 0.5 * pushed, 1e-12));
  // PML divides by Σ w + 5 · 1e-5, and with λ = 0.2 and a temperature of positives, which has one to weigh: e^(2·0.2).
  diva::RankedListLoss pml({.positive_temperature = 2, .balance = 0.2, .variant = diva::Variant::pml});
  const double pulled = std::exp(0.4) * 0.2 / (std::exp(0.4) + 5e-5);
  CHECK_THAT(pml.forward(line({0}), classes({0}), {}, reference).item<double>(),
             WithinAbs(0.8 * pulled + 0.2 * (e5 * 0.5 + e2 * 0.2) / (e5 + e2 + 5e-5), 1e-12));
}

TEST_CASE("ranked_list pushes negatives at distance zero, where PML does not") {
  const auto x = line({2, 2, 2, 2});
  const auto labels = classes({0, 0, 1, 1});
  CHECK_THAT(diva::RankedListLoss({.balance = 0.3}).forward(x, labels).item<double>(), WithinAbs(0.3 * 1.2, 1e-12));
  CHECK(diva::RankedListLoss({.variant = diva::Variant::pml}).forward(x, labels).item<double>() == 0);
}

TEST_CASE("ranked_list does not overflow where temperatures are high") {
  for (const auto variant : {diva::Variant::fixed, diva::Variant::pml}) {
    diva::RankedListLoss loss({.negative_temperature = 1000, .positive_temperature = 1000, .variant = variant});
    const auto x = line({0, 1.19, 0.1, 2}).to(torch::kFloat32).requires_grad_();
    const auto value = loss.forward(x, classes({0, 0, 1, 1}));
    value.backward();
    CHECK(value.isfinite().item<bool>());
    CHECK(x.grad().isfinite().all().item<bool>());
    // The worst pair takes it all: anchors 0 and 1.19 at (0.39 + 1.1)/2 and (0.39 + 0.39)/2 …
    const double expected[] = {(0.39 + 1.1) / 2, (0.39 + 0.39) / 2, (1.1 + 1.1) / 2, (1.1 + 0.39) / 2};
    CHECK_THAT(value.item<double>(), WithinAbs((expected[0] + expected[1] + expected[2] + expected[3]) / 4, 1e-4));
  }
}

TEST_CASE("ranked_list is zero when every pair is on its side, and refuses bad options") {
  CHECK(diva::RankedListLoss().forward(line({0, 0.5, 5, 5.5}), classes({0, 0, 1, 1})).item<double>() == 0);
  CHECK_THROWS_AS(diva::RankedListLoss({.balance = 1.5}), diva::OptionError);
  CHECK_THROWS_AS(diva::RankedListLoss({.margin = -1}), diva::OptionError);
}
