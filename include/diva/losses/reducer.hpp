#pragma once

#include <torch/types.h>
#include <diva/core/listing.hpp>
#include <diva/core/options.hpp>

#include <array>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace diva::inline v0_1 {

/// How the losses of elements (pairs, triplets or anchors) become one number.
enum class Reduction {
  mean,            ///< Over all elements.
  sum,             ///< Of all elements.
  non_zero_mean,   ///< Over the elements with a loss above 0.
  per_anchor,      ///< The non-zero mean of each anchor's elements, then the mean over all anchors of the batch.
  class_weighted,  ///< The mean of each element times the weight of its anchor's class.
  threshold,       ///< The mean over the elements with a loss between two bounds.
  divisor,         ///< The sum divided by a constant.
  none,            ///< No number: one value an element, in the order of anchors.
};

constexpr auto enumerators(Reduction) {
  return std::array{std::pair{Reduction::mean, "mean"},
                    std::pair{Reduction::sum, "sum"},
                    std::pair{Reduction::non_zero_mean, "non_zero_mean"},
                    std::pair{Reduction::per_anchor, "per_anchor"},
                    std::pair{Reduction::class_weighted, "class_weighted"},
                    std::pair{Reduction::threshold, "threshold"},
                    std::pair{Reduction::divisor, "divisor"},
                    std::pair{Reduction::none, "none"}};
}

struct ReducerOptions {
  Reduction kind = Reduction::mean;
  double low = 0;                                         ///< threshold: losses at or below it are left out.
  double high = std::numeric_limits<double>::infinity();  ///< threshold: losses at or above it are left out.
  double divisor = 1;                                     ///< divisor: the constant; > 0.
  std::vector<double> class_weights = {};                 ///< class_weighted: one for each class, ≥ 0.
};

template <class Visitor>
void describe(ReducerOptions& options, Visitor&& visit) {
  visit("kind", options.kind, "how the losses of elements become one number", any_value);
  visit("low", options.low, "threshold: losses at or below it are left out", any_value);
  visit("high", options.high, "threshold: losses at or above it are left out", any_value);
  visit("divisor", options.divisor, "divisor: the constant", positive);
  visit("class_weights", options.class_weights, "class_weighted: one weight for each class", non_negative);
}

/// The losses of a group of elements. In a matrix the anchor of an element is its row; `mask` says which elements there are, as
/// bool or as the weights that a user's relation gave them (0: none).
struct Elements {
  torch::Tensor losses;        ///< [n], or [rows, R] for pairs.
  torch::Tensor mask = {};     ///< Of the same shape; undefined: all.
  torch::Tensor anchors = {};  ///< Of a list [n] whose elements are not one for each row: the row of each; int64.
  /// Of a list [n] whose entries are sums of several elements, as of all triplets of an anchor: how many elements each is the sum
  /// of (int64 [n], without a mask), and how many of them count for non_zero_mean, per_anchor and threshold. The function that
  /// makes them leaves out those that a threshold leaves out. The reducer none refuses them.
  torch::Tensor number = {};
  torch::Tensor active = {};
};

/// One number from groups of elements; each group is reduced for itself and the results are added.
///
///   mean Σ l / n,   non_zero_mean Σ l / #(l > 0),   per_anchor 1/B Σ_rows (Σ_row l / #_row(l > 0)),
///   threshold Σ_(low < l < high) l / #,   class_weighted Σ w_y l / n,   divisor Σ l / d
///
/// Source:  pytorch-metric-learning 2.8.1, reducers/.
/// Differs: nothing to reduce gives 0 with a gradient of zeros. Weights of a relation multiply losses and do not count as fractions
///          of elements.
/// Shapes:  `labels` [B] int64 of the anchors (read by class_weighted only); B = `anchors` is the size of the batch.
/// Edge:    NaN passes on, also where a loss is compared with bounds. `none` concatenates the groups' elements.
/// Throws:  OptionError when class_weights are missing for a label.
torch::Tensor reduce(const std::vector<Elements>& groups, const torch::Tensor& labels, std::int64_t anchors,
                     const ReducerOptions& options);

/// The reductions with their formulas, for documentation.
std::vector<Listing> reducer_listings();

namespace detail {

/// A group's value is Σ numerators / max(Σ denominators, 1) over the blocks of rows that it is computed in: the numerator carries
/// the graph, the denominator is constant.
struct Fraction {
  torch::Tensor numerator;    // scalar
  torch::Tensor denominator;  // scalar, no graph
};
Fraction reduce_block(const Elements& elements, const torch::Tensor& labels, std::int64_t anchors, const ReducerOptions& options);

void check_reducer(std::string_view function, const ReducerOptions& options, const torch::Tensor& labels);

}  // namespace detail
}  // namespace diva::inline v0_1
