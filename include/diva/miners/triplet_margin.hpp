#pragma once

#include <diva/core/options.hpp>
#include <diva/distances/distance.hpp>
#include <diva/miners/comparison.hpp>

#include <array>
#include <utility>

namespace diva::inline v0_1 {

/// Which triplets, by how much farther than the positive the negative is.
enum class TripletKind {
  all,       ///< All that violate the margin: D_an − D_ap ≤ m.
  hard,      ///< Of these the ones whose negative is no farther than the positive: D_an ≤ D_ap.
  semihard,  ///< Of these the ones whose negative is farther: D_ap < D_an.
  easy,      ///< All others: D_an − D_ap > m.
};

constexpr auto enumerators(TripletKind) {
  return std::array{std::pair{TripletKind::all, "all"}, std::pair{TripletKind::hard, "hard"},
                    std::pair{TripletKind::semihard, "semihard"}, std::pair{TripletKind::easy, "easy"}};
}

struct TripletMarginMinerOptions {
  double margin = 0.2;  ///< m.
  TripletKind kind = TripletKind::all;
  DistanceOptions distance = {};
};

template <class Visitor>
void describe(TripletMarginMinerOptions& options, Visitor&& visit) {
  visit("margin", options.margin, "by how much a negative must be farther than a positive", any_value);
  visit("kind", options.kind, "all that violate the margin, of these hard or semihard ones, or easy: all others", any_value);
  visit("distance", options.distance, "what far means", any_value);
}

/// All triplets of one kind. Draws nothing.
///
/// Source:  pytorch-metric-learning 2.8.1, TripletMarginMiner; semihard: Schroff et al., FaceNet, CVPR 2015.
/// Differs: the reference lists all triplets first, which takes B³ memory where classes grow with the batch.
/// Shapes:  embeddings [B, D], labels [B] int64, or a relation -> T triplets, ordered by anchor, positive and negative.
/// Edge:    none: T = 0. NaN distances satisfy no inequality.
/// Cost:    O(B·R·D + pairs·R) time, O(B·R + T) memory.
/// Throws:  DataError when T exceeds 2^27, ShapeError.
Triplets triplet_margin_triplets(const Comparison& comparison, const TripletMarginMinerOptions& options = {});

}  // namespace diva::inline v0_1
