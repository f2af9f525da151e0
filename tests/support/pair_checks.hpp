#pragma once

#include "support/catch.hpp"

#include <diva/miners/tuples.hpp>

#include <compare>
#include <cstdint>
#include <ostream>
#include <set>

/// Tuples as sets of indices, to be compared with what a hand or a loop lists.
namespace pair_checks {

struct Pair {
  std::int64_t anchor;
  std::int64_t other;
  auto operator<=>(const Pair&) const = default;
};

struct Triple {
  std::int64_t anchor;
  std::int64_t positive;
  std::int64_t negative;
  auto operator<=>(const Triple&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const Pair& pair) {
  return out << '(' << pair.anchor << ", " << pair.other << ')';
}
inline std::ostream& operator<<(std::ostream& out, const Triple& triple) {
  return out << '(' << triple.anchor << ", " << triple.positive << ", " << triple.negative << ')';
}

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
