#include "support/triplet_checks.hpp"

#include <diva/core/error.hpp>
#include <diva/miners/shared.hpp>

using diva::Sharing;

TEST_CASE("shared triplets stay inside the batch for every form and batch") {
  for (const auto sharing : {Sharing::random, Sharing::standard, Sharing::full}) {
    triplet_checks::over_batches(
        [&](auto& batch, auto& generator) { return diva::shared_triplets(batch, generator, {.sharing = sharing}); },
        [&](const torch::Tensor& labels, const diva::Triplets& triplets) {
          if (sharing == Sharing::random) return;
          const auto of = [&](const torch::Tensor& indices) { return labels.index_select(0, indices); };
          const auto a = of(triplets.anchors), p = of(triplets.positives), n = of(triplets.negatives);
          REQUIRE(((a != p) & (a != n) & (p != n)).all().item<bool>());
          const auto classes = std::get<0>(torch::_unique2(labels)).numel();
          if (classes < 3) REQUIRE(triplets.size() == 0);
          // Whatever negative is drawn, a third class remains: every sample is an anchor.
          if (classes >= 3) REQUIRE(triplets.size() == labels.numel());
        });
  }
}

TEST_CASE("shared triplets by shuffled labels are independent of the true classes") {
  // Two classes of 10. If labels were not shuffled, all positives would share the anchor's class; shuffled, 9/19 of them do.
  diva::Generator generator(3);
  const auto x = triplet_checks::unit_rows(generator, 20, 16);
  const auto labels = torch::arange(20, torch::kInt64).remainder(2);
  double same = 0, total = 0;
  for (int i = 0; i < 300; ++i) {
    const auto triplets = diva::shared_triplets({x, labels}, generator);
    same += (labels.index_select(0, triplets.anchors) == labels.index_select(0, triplets.positives)).sum().item<double>();
    total += static_cast<double>(triplets.size());
  }
  // 6,000 draws, dependent within a batch: 5 standard errors of 0.0065, doubled.
  CHECK(std::abs(same / total - 9.0 / 19) < 0.065);
}

TEST_CASE("shared triplets of a user's relation are three samples that are negative to each other") {
  diva::Generator generator(4);
  const auto x = triplet_checks::unit_rows(generator, 9, 5);
  const auto labels = torch::arange(9, torch::kInt64).remainder(3);
  const auto same = labels.unsqueeze(1) == labels.unsqueeze(0);
  for (const auto sharing : {Sharing::standard, Sharing::full}) {
    const diva::Comparison batch{.embeddings = x, .relation = diva::Relation{same}};
    const auto t = diva::shared_triplets(batch, generator, {.sharing = sharing});
    REQUIRE(t.size() == 9);
    const auto a = labels.index_select(0, t.anchors), p = labels.index_select(0, t.positives),
               n = labels.index_select(0, t.negatives);
    CHECK(((a != p) & (a != n) & (p != n)).all().item<bool>());
  }
  const diva::Comparison both{.embeddings = x, .reference = diva::Reference{x}, .relation = diva::Relation{same}};
  CHECK_THROWS_AS(diva::shared_triplets(both, generator), diva::OptionError);
}
