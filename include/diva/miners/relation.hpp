#pragma once

#include <diva/miners/tuples.hpp>

#include <cstdint>
#include <vector>

namespace diva::inline v0_1 {

/// Samples with several labels: positive where they share enough, negative where they share none; pairs that share some but too
/// few are neither.
///
///   s_ij = #(labels of i and of j),   positive s_ij ≥ min_shared,   negative s_ij = 0
///
/// Shapes:  labels [B, L] bool, one column a label, reference_labels [R, L] bool, or undefined for the batch itself -> bool [B, R].
/// Edge:    a sample without labels is negative to all. A relation of the batch includes each sample's pair with itself, which
///          miners and losses leave out.
/// Cost:    O(B·R·L) time, as a matrix product; O(B·R) memory.
/// Throws:  ShapeError; OptionError for min_shared < 1.
Relation multi_label_relation(const torch::Tensor& labels, const torch::Tensor& reference_labels = {}, std::int64_t min_shared = 1);

/// Samples with several labels, graded by how much of them agrees: a pair is a little of a positive and a little of a negative.
///
///   positive J_ij = Σ_(labels of both) w / Σ_(labels of either) w,   negative 1 − J_ij;   w = 1 a label where not given
///
/// Source:  the Jaccard index.
/// Shapes:  labels and reference_labels as multi_label_relation; label_weights [L] floating point ≥ 0 -> [B, R] float32.
/// Edge:    two samples without labels, or with labels of weight 0 only: J = 0. Labels with one 1 a row: multi_label_relation.
/// Throws:  ShapeError; DataError for label weights that are negative or not finite.
Relation graded_relation(const torch::Tensor& labels, const torch::Tensor& reference_labels = {},
                         const torch::Tensor& label_weights = {});

/// Samples with a label on each level of a hierarchy, graded by how far down they agree.
///
///   positive a_ij = Σ of the weights of the levels 1 … h, h = the last level before i and j differ,   negative 1 − a_ij
///
/// Levels below the first difference do not count, whatever their labels, so names need be unique only within their parent.
///
/// Shapes:  labels [B, H] int64, coarsest level first, reference_labels [R, H] int64, or undefined for the batch itself;
///          level_weights H numbers ≥ 0 of sum 1, or empty: 1/H each -> [B, R] float32. For one level alone give its column as
///          labels instead.
/// Edge:    H = 1: equal labels.
/// Throws:  ShapeError; OptionError for weights that are not H, negative or not of sum 1.
Relation hierarchical_relation(const torch::Tensor& labels, const torch::Tensor& reference_labels = {},
                               const std::vector<double>& level_weights = {});

}  // namespace diva::inline v0_1
