#include "support/triplet_checks.hpp"

#include <diva/core/error.hpp>
#include <diva/miners/anticollapse.hpp>

#include <cmath>

using diva::Anticollapse;

namespace {

torch::Tensor counts_of(const torch::Tensor& x, const torch::Tensor& labels, const diva::AnticollapseOptions& options, int draws,
                        bool positives) {
  diva::Generator generator(7);
  auto counts = torch::zeros({x.size(0)}, torch::kInt64);
  for (int i = 0; i < draws; ++i) {
    const auto t = diva::anticollapse_triplets({x, labels}, generator, options);
    counts[(positives ? t.positives : t.negatives)[0].item<std::int64_t>()] += 1;
  }
  return counts;
}

}  // namespace

TEST_CASE("anticollapse draws negatives from all other samples by inverse distance density") {
  // On the circle 1/q = √(1 − d²/4). Anchor at 0°, its positive at 60° (d = 1, √¾), negatives at 90° (d = √2, √½) and 180° (beyond
  // 1.4, left out).
  const double s = std::sqrt(3.0) / 2;
  const auto x = torch::tensor({{1.0, 0.0}, {0.5, s}, {0.0, 1.0}, {-1.0, 0.0}}, torch::kFloat64);
  const auto labels = torch::tensor({0, 0, 1, 2}, torch::kInt64);
  const auto counts = counts_of(x, labels, {.upper_cutoff = 1.5}, 4000, false);
  const double share = s / (s + std::sqrt(0.5));
  CHECK(counts[0].item<std::int64_t>() == 0);
  CHECK(counts[3].item<std::int64_t>() == 0);
  CHECK(std::abs(counts[1].item<double>() - 4000 * share) < 160);  // 5 sd of a binomial(4000, 0.55)
}

TEST_CASE("anticollapse semihard draws hard positives and hard negatives alike, on a line") {
  // Anchor 0 at 0: positives at 0.5 and 2, negatives at 1 and 3. Hard positive 2 (beyond the negative at 1), hard negative 3
  // (nearer than 2): the negative is one of these two.
  const auto x = torch::tensor({{0.0}, {0.5}, {2.0}, {1.0}, {3.0}}, torch::kFloat64);
  const auto labels = torch::tensor({0, 0, 0, 1, 2}, torch::kInt64);
  const auto negatives = counts_of(x, labels, {.kind = Anticollapse::semihard}, 1000, false);
  CHECK(negatives[2].item<double>() + negatives[3].item<double>() == 1000);
  CHECK(std::abs(negatives[2].item<double>() - 500) < 80);  // 5 sd of a binomial(1000, 1/2)
  CHECK(counts_of(x, labels, {.kind = Anticollapse::semihard}, 50, true)[2].item<std::int64_t>() == 50);
}

TEST_CASE("anticollapse takes each sample with a positive and a negative as anchor, on every kind of batch") {
  for (const auto kind : {Anticollapse::distance, Anticollapse::semihard}) {
    triplet_checks::over_batches(
        [&](auto& batch, auto& generator) { return diva::anticollapse_triplets(batch, generator, {.kind = kind}); },
        [](const torch::Tensor& labels, const diva::Triplets& triplets) {
          const auto of = [&](const torch::Tensor& indices) { return labels.index_select(0, indices); };
          REQUIRE(torch::equal(of(triplets.anchors), of(triplets.positives)));
          REQUIRE((triplets.anchors != triplets.positives).all().item<bool>());
          REQUIRE((triplets.anchors != triplets.negatives).all().item<bool>());
          REQUIRE(torch::equal(triplets.anchors, std::get<0>(torch::_unique2(diva::all_triplets(labels).anchors))));
        });
  }
}

TEST_CASE("anticollapse refuses cut-offs out of range") {
  diva::Generator generator(0);
  CHECK_THROWS_AS(
      diva::anticollapse_triplets({torch::zeros({2, 2}), torch::zeros({2}, torch::kInt64)}, generator, {.lower_cutoff = 2}),
      diva::OptionError);
}
