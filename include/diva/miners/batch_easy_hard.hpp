#pragma once

#include <diva/core/options.hpp>
#include <diva/distances/distance.hpp>
#include <diva/miners/comparison.hpp>

#include <array>
#include <utility>
#include <vector>

namespace diva::inline v0_1 {

/// Which of an anchor's positives, or negatives, is taken.
enum class Hardness {
  hard,      ///< The farthest positive, the nearest negative.
  semihard,  ///< The hardest that is still on the right side of the other one.
  easy,      ///< The nearest positive, the farthest negative.
  all,       ///< Every one.
};

constexpr auto enumerators(Hardness) {
  return std::array{std::pair{Hardness::hard, "hard"}, std::pair{Hardness::semihard, "semihard"}, std::pair{Hardness::easy, "easy"},
                    std::pair{Hardness::all, "all"}};
}

struct BatchEasyHardOptions {
  Hardness positive = Hardness::easy;
  Hardness negative = Hardness::semihard;
  std::vector<double> positive_range = {};  ///< Distances [low, high] in which positives must lie; empty: any.
  std::vector<double> negative_range = {};  ///< Distances [low, high] in which negatives must lie; empty: any.
  DistanceOptions distance = {};
};

template <class Visitor>
void describe(BatchEasyHardOptions& options, Visitor&& visit) {
  visit("positive", options.positive, "which positive of an anchor", any_value);
  visit("negative", options.negative, "which negative of an anchor", any_value);
  visit("positive_range", options.positive_range, "distances [low, high] of positives; empty: any", any_value);
  visit("negative_range", options.negative_range, "distances [low, high] of negatives; empty: any", any_value);
  visit("distance", options.distance, "between the two of a pair", any_value);
}

/// For each anchor one positive pair and one negative pair by their distances. Draws nothing.
///
///   hard:      p = argmax D_ap,                      n = argmin D_an
///   easy:      p = argmin D_ap,                      n = argmax D_an
///   semihard:  p = argmax { D_ap : D_ap < D_an },    n = argmin { D_an : D_an > D_ap },   after the other side was chosen
///   all:       every p of the anchor,                every n of the anchor
///
/// Source:  Xuan et al., Improved Embeddings with Easy Positive Triplet Mining, WACV 2020; arXiv 1904.04370. Reference:
///          pytorch-metric-learning 2.8.1, BatchEasyHardMiner.
/// Differs: ranges bound distances of every kind, where the reference bounds similarities if its distance is one; `all` ignores
///          them, as there.
/// Shapes:  embeddings [B, D], labels [B] int64, or a relation -> pairs ordered by anchor. Where neither side is `all`, an anchor
///          has a pair of both kinds or none, so that anchors and negative_anchors are equal.
/// Edge:    no such anchor: no pair. NaN distances are never in a range nor semihard; hard and easy take the first NaN.
/// Cost:    O(B·R·D) time, O(B·R) memory.
/// Throws:  OptionError (both semihard; semihard beside all; a range that is not of two ascending numbers), ShapeError.
Pairs batch_easy_hard_pairs(const Comparison& comparison, const BatchEasyHardOptions& options = {});

/// The hardest positive and the hardest negative of each anchor: batch_easy_hard_pairs with `hard` twice, as triplets.
///
/// Source:  Hermans et al., In Defense of the Triplet Loss for Person Re-Identification, 2017; arXiv 1703.07737. Reference:
///          pytorch-metric-learning 2.8.1, BatchHardMiner.
/// Shapes:  -> T ≤ B triplets, one for each sample with a positive and a negative.
Triplets batch_hard_triplets(const Comparison& comparison, const DistanceOptions& distance = {});

}  // namespace diva::inline v0_1
