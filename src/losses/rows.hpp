#pragma once

#include <diva/losses/pairwise.hpp>

#include <utility>

/// What several criteria of rows of pairs share.
namespace diva::inline v0_1::detail {

/// Whether larger is nearer in the numbers that people give for this kind: a threshold on cosines, but on Euclidean distances.
constexpr bool is_similarity(Distance kind) { return kind == Distance::cosine || kind == Distance::dot; }

/// A threshold in the units of the kind as one of pairwise_similarities, which are minus the distance of the other kinds.
constexpr double as_similarity(double threshold, Distance kind) { return is_similarity(kind) ? threshold : -threshold; }

/// log(1 + eˣ), exact where torch's default is already x.
inline torch::Tensor log1p_exp(const torch::Tensor& x) { return torch::softplus(x, 1, 60); }

/// Those of a mask (bool or weights) that are also in `kept` (bool).
torch::Tensor restrict_to(const torch::Tensor& mask, const torch::Tensor& kept);

/// Those in either mask; weights where one of them has weights.
torch::Tensor either_of(const torch::Tensor& a, const torch::Tensor& b);

/// For each positive pair the cross entropy of its positive among the negatives of its anchor; of `scale` times similarities.
///
///   l_ap = log(1 + Σ_n exp(scale (s_an − s_ap)))
Elements pair_cross_entropy(const PairBlock& block, double scale);

/// For each anchor with a positive the chance that a softmax over the neighbours lands on one, of `logits` [t, R].
///
///   l_a = −log( Σ_p exp(z_ap) / Σ_(j: p or n) exp(z_aj) )
Elements neighbour_cross_entropy(const PairBlock& block, const torch::Tensor& logits);

/// Anchors and positives of all positive pairs [P], ordered by anchor; those of given tuples as they are given.
std::pair<torch::Tensor, torch::Tensor> positive_pairs(const Comparison& comparison, const Tuples& tuples);

/// weight · mean ‖x‖ over the batch where there is any positive pair, otherwise 0: the seed's penalty, which is part of a loss over
/// nothing no more than the loss itself.
torch::Tensor norm_penalty(const Comparison& comparison, const Tuples& tuples, double weight);

}  // namespace diva::inline v0_1::detail
