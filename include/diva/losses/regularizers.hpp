#pragma once

#include <torch/types.h>
#include <diva/core/listing.hpp>
#include <diva/core/options.hpp>
#include <diva/losses/reducer.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace diva::inline v0_1 {

/// A penalty on rows [N, D], embeddings or the weights of classes, with its options bound -> scalar of their type. Add one to any
/// criterion by MultipleLosses.
///
/// Every regulariser: no rows: 0, with a gradient of zeros. NaN passes on. Throws ShapeError unless rows are [N, D] floating point.
using Regularizer = std::function<torch::Tensor(const torch::Tensor& rows)>;

struct LpRegularizerOptions {
  double p = 2;                 ///< Of the norm; ≥ 1.
  double power = 1;             ///< The norm is raised to it; > 0.
  ReducerOptions reducer = {};  ///< Over rows.
};

template <class Visitor>
void describe(LpRegularizerOptions& options, Visitor&& visit) {
  visit("p", options.p, "of the norm", at_least(1));
  visit("power", options.power, "the norm is raised to it", positive);
  visit("reducer", options.reducer, "over rows", any_value);
}

/// Short rows:  reduce_i ‖x_i‖_p^power.
///
/// Source:  pytorch-metric-learning 2.8.1, LpRegularizer.
/// Differs: the gradient of a row of zeros is 0 for every power.
/// Cost:    O(N·D).
torch::Tensor lp_regularizer(const torch::Tensor& rows, const LpRegularizerOptions& options = {});

struct RowRegularizerOptions {
  ReducerOptions reducer = {};  ///< Over rows.
};

template <class Visitor>
void describe(RowRegularizerOptions& options, Visitor&& visit) {
  visit("reducer", options.reducer, "over rows", any_value);
}

/// Rows whose entries sum to 0:  reduce_i |Σ_d x_id|.
///
/// Source:  pytorch-metric-learning 2.8.1, ZeroMeanRegularizer.
/// Differs: nothing known.
/// Cost:    O(N·D).
torch::Tensor zero_mean_regularizer(const torch::Tensor& rows, const RowRegularizerOptions& options = {});

/// Class weights of equal length, so that no class is favoured:  reduce_i ( ‖w_i‖² − mean_j ‖w_j‖² )² / 4.
///
/// Source:  Wu et al., Deep Face Recognition with Center Invariant Loss, ACM MM Workshops 2017, eq. 5; pytorch-metric-learning
///          2.8.1, CenterInvariantRegularizer.
/// Differs: nothing known.
/// Cost:    O(N·D).
torch::Tensor center_invariant_regularizer(const torch::Tensor& rows, const RowRegularizerOptions& options = {});

/// Class weights far from their nearest other:  reduce_i max_(j ≠ i) cos(w_i, w_j).
///
/// Source:  Zhao et al., RegularFace, CVPR 2019, eq. 5; pytorch-metric-learning 2.8.1, RegularFaceRegularizer.
/// Differs: the nearest of a single row is nothing, so 0; of several equally near ones the first.
/// Cost:    O(N²·D) time, O(N²) memory.
torch::Tensor regular_face_regularizer(const torch::Tensor& rows, const RowRegularizerOptions& options = {});

struct SparseCentersOptions {
  std::int64_t centers_per_class = 10;  ///< K; ≥ 2. Rows are ordered by class: those of class c are c·K … c·K + K − 1.
};

template <class Visitor>
void describe(SparseCentersOptions& options, Visitor&& visit) {
  visit("centers_per_class", options.centers_per_class, "K: rows of one class stand together", at_least(2));
}

/// Centres of one class onto one another, so that as few as the class needs stay apart:  1/(C K (K−1)) Σ_c Σ_(i<j) ‖ŵ_ci − ŵ_cj‖ of
/// normalised rows.
///
/// Source:  Qian et al., SoftTriple Loss, ICCV 2019, eq. 9; arXiv 1909.05235; pytorch-metric-learning 2.8.1,
///          SparseCentersRegularizer.
/// Differs: equal centres have a gradient of 0, where PML's is infinite.
/// Cost:    O(C·K²·D).
/// Throws:  ShapeError when N is no multiple of K.
torch::Tensor sparse_centers_regularizer(const torch::Tensor& rows, const SparseCentersOptions& options = {});

/// Makes a regulariser by its name, with options as a JSON object: `make_regularizer("lp", R"({"p": 1})")`. PML's class names are
/// known too.
///
/// Throws: OptionError for an unknown name or option, with the nearest known one, and for values out of range.
Regularizer make_regularizer(std::string_view name, const std::string& options = "{}");

/// The names that make_regularizer takes.
std::vector<std::string> regularizer_names();

/// The names with formula, source, cost and options, for documentation.
std::vector<Listing> regularizer_listings();

}  // namespace diva::inline v0_1
