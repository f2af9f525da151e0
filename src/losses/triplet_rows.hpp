#pragma once

#include <diva/core/generator.hpp>
#include <diva/losses/pairwise.hpp>

/// All triplets of each anchor of a block, without a list of them: entries of Elements are sums.
namespace diva::inline v0_1::detail {

struct TripletForm {
  double margin = 0;
  bool smooth = false;
  bool swap = false;
  DistanceOptions distance = {};  ///< Of positives to negatives, for swap.
  ReducerOptions reducer = {};    ///< For the bounds of threshold.
};

/// Σ_(p,n) of (D_ap − D_an + m)₊ or log(1 + exp(·)) for each row, over its positives and negatives; weights of a relation only say
/// which pairs there are, as in all_triplets.
///
/// The hinge alone: the limits D_ap + m of a row are sorted, each negative looks up how many lie beyond it and their sum; O(R log
/// K) a row with K positives, and the gradient is a count. Smooth, swap and threshold: one pass over the row for each positive,
/// forward and backward. Memory: a few times the block either way. `references` [R, D] is read by swap.
Elements triplet_rows(const PairBlock& block, const TripletForm& form, const torch::Tensor& references = {});

/// Σ_(p,n) of (D_ap − β + α)₊ + (β − D_an + α)₊ for each row: the terms of a triplet are those of its pairs, so each positive
/// counts as often as there are negatives. Distances [t, R], boundary [t, 1] or scalar; active are pairs, or with `by_triplets`
/// triplets with an active pair.
Elements margin_rows(const torch::Tensor& distances, const PairBlock& block, const torch::Tensor& boundary, double margin,
                     bool by_triplets);

/// The number of triplets of each anchor, [B] float64, from the relation alone.
torch::Tensor triplets_of_rows(const Comparison& comparison);

/// `per_anchor` triplets of each anchor that has any: a uniform positive and a uniform negative each, with replacement.
Triplets sample_triplets(const Comparison& comparison, std::int64_t per_anchor, Generator generator);

}  // namespace diva::inline v0_1::detail
