#pragma once

#include "support/catch.hpp"

#include <diva/miners/tuples.hpp>

#include <cstdint>
#include <set>
#include <vector>

/// Tuples as sets of indices, to be compared with what a hand or a loop lists.
namespace pair_checks {

using Pair = std::vector<std::int64_t>;  // of two; unlike arrays, vectors can be printed when a check fails
using Triple = std::vector<std::int64_t>;

inline std::set<Pair> pairs(const torch::Tensor& anchors, const torch::Tensor& others) {
  REQUIRE(anchors.sizes() == others.sizes());
  std::set<Pair> result;
  for (std::int64_t i = 0; i < anchors.numel(); ++i)
    result.insert({anchors[i].item<std::int64_t>(), others[i].item<std::int64_t>()});
  return result;
}

inline std::set<Pair> positives(const diva::Pairs& pairs_of) { return pairs(pairs_of.anchors, pairs_of.positives); }
inline std::set<Pair> negatives(const diva::Pairs& pairs_of) { return pairs(pairs_of.negative_anchors, pairs_of.negatives); }

inline std::set<Triple> triples(const diva::Triplets& triplets) {
  std::set<Triple> result;
  for (std::int64_t i = 0; i < triplets.size(); ++i) {
    result.insert({triplets.anchors[i].item<std::int64_t>(), triplets.positives[i].item<std::int64_t>(),
                   triplets.negatives[i].item<std::int64_t>()});
  }
  return result;
}

}  // namespace pair_checks
