#pragma once

#include <diva/core/generator.hpp>
#include <diva/distances/distance.hpp>
#include <diva/miners/comparison.hpp>

#include <functional>
#include <string_view>

/// What the miners share.
namespace diva::inline v0_1::detail {

/// The anchors that can be one, with their rows of the relation.
struct Candidates {
  torch::Tensor anchors;   ///< [A] int64, ascending.
  torch::Tensor positive;  ///< [A, R] bool, or the user's weights.
  torch::Tensor negative;  ///< [A, R] bool, or the user's weights.
};

/// What a sample needs to be an anchor.
enum class AnchorNeeds { nothing, positive, both };

/// Checks the comparison and finds its anchors.
Candidates candidates(std::string_view function, const Comparison& comparison, AnchorNeeds needs = AnchorNeeds::both);

/// Distances of the anchors to all references [A, R], without a graph, in float32 at least.
torch::Tensor mining_distances(const Comparison& comparison, const torch::Tensor& anchors, const DistanceOptions& options = {});

/// Weights (or marks) where the condition holds, elsewhere none.
torch::Tensor only_where(const torch::Tensor& weights, const torch::Tensor& condition);

/// In each row the weights of `some` where there are any, otherwise those of `all`.
torch::Tensor preferred(const torch::Tensor& some, const torch::Tensor& all);

/// One column for each row, with the chance of its weight; a row without weight gives column 0.
torch::Tensor draw(const torch::Tensor& weights, Generator& generator);

/// The positives that are farther than some negative of their row, and the negatives nearer than some positive; rows have both.
struct HardRows {
  torch::Tensor positive;
  torch::Tensor negative;
};
HardRows hard_rows(const torch::Tensor& distances, const torch::Tensor& positive, const torch::Tensor& negative);

/// (anchor, positive, negative) of each candidate with `holds`, ordered by them, from blocks of positive pairs: `holds(rows,
/// positives)` gets the rows of `candidates` and the references of a block's pairs, [c] each, and returns [c, R] bool, which is
/// looked at where the reference is a negative. No more than 2^22 of these are held at once.
///
/// Throws: DataError when more than 2^27 triplets hold, as all_triplets.
Triplets triplets_where(std::string_view function, const Candidates& candidates,
                        const std::function<torch::Tensor(const torch::Tensor& rows, const torch::Tensor& positives)>& holds);

/// The marked pairs of these anchors' rows, ordered by anchor.
Pairs pairs_where(const torch::Tensor& anchors, const torch::Tensor& positive, const torch::Tensor& negative);

/// No triplet, on the device of the batch.
Triplets no_triplets(const Comparison& comparison);

}  // namespace diva::inline v0_1::detail
