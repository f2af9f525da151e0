#pragma once

#include <diva/distances/distance.hpp>
#include <diva/losses/reducer.hpp>
#include <diva/miners/comparison.hpp>

#include <functional>
#include <vector>

namespace diva::inline v0_1 {

/// Some rows of the matrix of all pairs of anchors and references.
struct PairBlock {
  torch::Tensor values;    ///< [t, R] distances or similarities, with a graph.
  torch::Tensor positive;  ///< [t, R] bool or weights; see Relation.
  torch::Tensor negative;  ///< [t, R] bool or weights.
  torch::Tensor labels;    ///< [t] int64 of the anchors; undefined where only a relation was given.
  std::int64_t first = 0;  ///< The batch's row of the first anchor.
};

/// The losses of a block, in as many groups as are reduced separately, the same number for every block. Called with the parameters
/// that were given to pairwise_loss (with their graph), which must be read from there and not from elsewhere.
using PairFunction = std::function<std::vector<Elements>(const PairBlock& block, const std::vector<torch::Tensor>& parameters)>;

struct PairwiseOptions {
  DistanceOptions distance = {};
  bool similarities = false;  ///< Blocks hold pairwise_similarities rather than pairwise_distances.
  ReducerOptions reducer = {};
};

/// Blocks hold no more than this number of pairs, 2048²: a batch of up to 2,048 against itself is one block, whose graph is kept
/// for the backward pass. Larger ones are computed block by block twice, once for the value and once for the gradient, and nothing
/// of size B·R is ever held.
inline constexpr std::int64_t pairs_at_once = std::int64_t{1} << 22;

/// A criterion that is a function of the matrix of pairs, row by row: the one engine of pair losses, and the way to write one's
/// own.
///
///   L = Σ_groups reduce( loss(values[rows], relation[rows]) )
///
/// Shapes:  as Loss::forward; `function` sees blocks of rows.
/// Edge:    an empty batch or reference: 0, with a gradient of zeros (an empty list with the reducer none).
/// Cost:    one block: the operations of `function` and their graph, O(B·R). Several: two passes, O(pairs_at_once + (B + R)·D)
///          memory whatever B is. The gradient reaches embeddings, the reference's embeddings and `parameters`; with several blocks
///          it cannot be differentiated again, and the reducer none is refused (OptionError), as its result alone has size B·R.
torch::Tensor pairwise_loss(const Comparison& comparison, const Tuples& tuples, const PairwiseOptions& options,
                            const std::vector<torch::Tensor>& parameters, const PairFunction& function,
                            std::int64_t at_once = pairs_at_once);

namespace detail {

/// log Σ exp over the marked elements of each row, [t]: −∞ where a row has none; weights multiply the terms. `shift` adds the term
/// of a zero: log(1 + Σ exp), which is 0 for a row without elements.
torch::Tensor masked_logsumexp(const torch::Tensor& values, const torch::Tensor& mask, bool with_zero);

/// Whether a row has an element: [t] bool.
torch::Tensor any_of(const torch::Tensor& mask);

/// One value an anchor, [B], from its row of the matrix of pairs: what a loss must know of all rows before it looks at any, given
/// to pairwise_loss as a parameter. Blocks, memory and gradient as there; distance and similarities are read from the options.
using RowFunction = std::function<torch::Tensor(const PairBlock& block)>;
torch::Tensor row_values(const Comparison& comparison, const Tuples& tuples, const PairwiseOptions& options,
                         const RowFunction& function, std::int64_t at_once = pairs_at_once);

}  // namespace detail
}  // namespace diva::inline v0_1
