#pragma once

#include "support/catch.hpp"

#include <diva/core/generator.hpp>
#include <diva/miners/comparison.hpp>

#include <functional>

/// What holds for every miner of triplets, checked over random batches.
namespace triplet_checks {

inline torch::Tensor unit_rows(diva::Generator& generator, std::int64_t rows, std::int64_t dim) {
  const auto x = generator.normal({rows, dim}, torch::kFloat64);
  return x / x.norm(2, 1, true);
}

using Mine = std::function<diva::Triplets(const diva::Comparison&, diva::Generator&)>;

/// Calls `visit(labels, triplets)` for batches of random class sizes, singletons, one class, one sample and none, and of embeddings
/// that are random, identical, opposite and NaN; indices must lie in the batch, and equal generators must give equal triplets.
inline void over_batches(const Mine& mine, const std::function<void(const torch::Tensor&, const diva::Triplets&)>& visit) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    diva::Generator data(seed);
    const auto batch = seed < 4 ? static_cast<std::int64_t>(seed) : 2 + data.below(20);
    const auto classes = seed % 7 == 4 ? 1 : 1 + data.below(batch + 1);
    const auto labels = (data.uniform({batch}, torch::kFloat64) * classes).floor().to(torch::kInt64);
    auto embeddings = unit_rows(data, batch, 2 + data.below(30));
    if (seed % 5 == 1) embeddings = embeddings.narrow(0, 0, std::min<std::int64_t>(batch, 1)).expand_as(embeddings).contiguous();
    if (seed % 5 == 2 && batch > 0) embeddings = embeddings[0] * (torch::arange(batch).remainder(2) * 2 - 1).unsqueeze(1);
    if (seed % 5 == 3) embeddings = embeddings * NAN;
    if (seed % 2 == 0) embeddings = embeddings.to(torch::kFloat32);
    diva::Generator one(seed), same(seed);
    const auto triplets = mine({embeddings, labels}, one), again = mine({embeddings, labels}, same);
    INFO("seed " << seed << ", batch " << batch << ", classes " << classes);
    for (const auto& indices : {triplets.anchors, triplets.positives, triplets.negatives}) {
      REQUIRE(indices.sizes() == torch::IntArrayRef({triplets.size()}));
      REQUIRE(indices.scalar_type() == torch::kInt64);
      if (triplets.size() > 0) {
        REQUIRE(indices.min().item<std::int64_t>() >= 0);
        REQUIRE(indices.max().item<std::int64_t>() < batch);
      }
    }
    REQUIRE(torch::equal(triplets.anchors, again.anchors));
    REQUIRE(torch::equal(triplets.positives, again.positives));
    REQUIRE(torch::equal(triplets.negatives, again.negatives));
    visit(labels, triplets);
  }
}

/// Every triplet obeys the labels, and each sample that has a positive and a negative is an anchor once.
inline void obey_labels(const Mine& mine) {
  over_batches(mine, [](const torch::Tensor& labels, const diva::Triplets& triplets) {
    const auto of = [&](const torch::Tensor& indices) { return labels.index_select(0, indices); };
    REQUIRE(torch::equal(of(triplets.anchors), of(triplets.positives)));
    REQUIRE((of(triplets.anchors) != of(triplets.negatives)).all().item<bool>());
    REQUIRE((triplets.anchors != triplets.positives).all().item<bool>());
    const auto all = diva::all_triplets(labels);
    REQUIRE(torch::equal(triplets.anchors, std::get<0>(torch::_unique2(all.anchors))));
  });
}

}  // namespace triplet_checks
