// Reference: the seed's and Revisiting's batch miners, see tests/golden/README.md. Miners draw, so what may be drawn is compared:
// probabilities to 1e-9 in float64, candidate sets exactly, by drawing until each candidate must have come up.
#include "support/golden.hpp"

#include <diva/miners/distance_weighted.hpp>
#include <diva/miners/semihard.hpp>
#include <diva/miners/softhard.hpp>

namespace {

using Mine = std::function<diva::Triplets(diva::Generator&)>;

// Counts of drawn (anchor, positive, negative), as masks [B, B, B] and their projections.
torch::Tensor drawn(std::int64_t batch, const Mine& mine) {
  auto seen = torch::zeros({batch, batch, batch}, torch::kBool);
  diva::Generator generator(1);
  for (int i = 0; i < 4000; ++i) {
    const auto t = mine(generator);
    seen.index_put_({t.anchors, t.positives, t.negatives}, torch::ones({t.size()}, torch::kBool));
  }
  return seen;
}

}  // namespace

TEST_CASE("miners draw what the reference draws") {
  std::string skipped;
  for (const auto& one : golden::cases("miners")) {
    INFO(one.file);
    const auto x = one["embeddings"], labels = one["labels"];
    const auto batch = labels.size(0);
    if (one.name == "distance") {
      const diva::DistanceWeightedOptions options{.lower_cutoff = one.options["miner_distance_lower_cutoff"].get<double>()};
      const auto& expected = one["out.negative_probability"];
      const auto probabilities = diva::distance_weighted_probabilities(x, labels, options);
      CHECK(golden::error(probabilities, expected) < 1e-9);
      const auto triplets = diva::distance_weighted_triplets(x, labels, *std::make_unique<diva::Generator>(3), options);
      CHECK(torch::equal(triplets.anchors, expected.sum(1).nonzero().view(-1)));
    } else if (one.name == "semihard") {
      const diva::SemihardOptions options{.margin = one.options["margin"].get<double>()};
      const auto seen =
          drawn(batch, [&](diva::Generator& generator) { return diva::semihard_triplets(x, labels, generator, options); });
      CHECK(torch::equal(seen, one["out.triplet_candidates"] != 0));
    } else if (one.name == "softhard") {
      const auto seen = drawn(batch, [&](diva::Generator& generator) { return diva::softhard_triplets(x, labels, generator); });
      const auto positive = one["out.positive_candidates"] != 0, negative = one["out.negative_candidates"] != 0;
      CHECK(torch::equal(seen.any(2), positive));
      CHECK(torch::equal(seen.any(1), negative));
    } else {
      skipped += " " + one.file;
    }
  }
  if (!skipped.empty()) WARN("miners that diva does not have, skipped:" << skipped);
}
