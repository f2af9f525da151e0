#pragma once

#include <torch/types.h>
#include <diva/distances/distance.hpp>
#include <diva/miners/comparison.hpp>

#include "fused_loops.hpp"

#include <algorithm>
#include <vector>

/// The matrix of all pairs on the CPU, by one product and then a row at a time: what the kernels of criteria and miners stand on.
namespace diva::inline v0_1::detail {

/// Whether a distance is a function of the product of two rows and of their squares, on which the kernels stand.
inline bool by_product(const DistanceOptions& options) {
  switch (options.kind) {
    case Distance::dot:
      return true;
    case Distance::euclidean:
    case Distance::squared_euclidean:
    case Distance::cosine:
      return options.power == 1;
    default:
      return false;
  }
}

/// Whether there is a matrix of products to be had: at least one pair and at most 8,192² (256 MiB of float32), float32 or float64
/// on the CPU, and labels or a relation of bool.
inline bool has_products(const Comparison& comparison) {
  constexpr std::int64_t most = std::int64_t{1} << 26;
  const auto &x = comparison.embeddings, &r = comparison.reference_embeddings();
  const auto type = x.scalar_type();
  const auto is_bool = [](const torch::Tensor& mask) { return !mask.defined() || mask.scalar_type() == torch::kBool; };
  return x.is_cpu() && r.is_cpu() && (type == torch::kFloat32 || type == torch::kFloat64) && r.scalar_type() == type &&
         x.size(0) > 0 && r.size(0) > 0 && x.size(0) <= most / r.size(0) && !(comparison.reference && r.is_same(x)) &&
         (!comparison.relation || (is_bool(comparison.relation->positive) && is_bool(comparison.relation->negative)));
}

inline MetricForm metric_of(const DistanceOptions& options, bool similarities) {
  const double sign = similarities ? -1 : 1;
  switch (options.kind) {
    case Distance::cosine:
      return {Metric::product, -sign, similarities ? 0.0 : 1.0};
    case Distance::dot:
      return {Metric::product, -sign, 0};
    case Distance::squared_euclidean:
      return {Metric::squared, sign, 0};
    default:
      return {Metric::euclidean, sign, 0};
  }
}

inline std::int64_t padded(std::int64_t n) { return (n + row_padding - 1) / row_padding * row_padding; }

/// Anchors or references.
template <class T>
struct FusedSide {
  torch::Tensor rows;      ///< [N, D] as they are compared
  torch::Tensor lengths;   ///< [N] where rows were normalised, otherwise undefined
  std::vector<T> squares;  ///< Of Euclidean metrics, padded with 0.

  FusedSide(const torch::Tensor& given, bool unit, bool squared) : rows(given.detach().contiguous()) {
    const auto n = rows.size(0), dim = rows.size(1);
    if (unit) {
      const auto from = rows;
      rows = torch::empty(from.sizes(), from.options());
      lengths = torch::empty({n}, from.options());
      normalize_rows(from.data_ptr<T>(), n, dim, rows.data_ptr<T>(), lengths.data_ptr<T>());
    }
    squares.assign(static_cast<std::size_t>(padded(n)), T(0));
    if (squared) square_rows(rows.data_ptr<T>(), n, dim, squares.data());
  }
};

/// The products of all pairs, [B, stride], and the values of a row from them.
template <class T>
struct FusedMatrix {
  MetricForm form;
  bool itself, unit;
  std::int64_t batch, references, stride;
  FusedSide<T> anchors, others;
  torch::Tensor products;  ///< Rows of `stride`, to be written over.

  FusedMatrix(const Comparison& comparison, const DistanceOptions& options, bool similarities)
      : form(metric_of(options, similarities)),
        itself(!comparison.reference),
        unit(options.normalize || options.kind == Distance::cosine),
        batch(comparison.size()),
        references(comparison.reference_size()),
        stride(padded(references)),
        anchors(comparison.embeddings, unit, with_squares()),
        others(itself ? anchors : FusedSide<T>(comparison.reference_embeddings(), unit, with_squares())),
        products(torch::empty({batch, stride}, anchors.rows.options())) {
    auto inside = matrix();
    at::mm_out(inside, anchors.rows, others.rows.t());
  }

  [[nodiscard]] bool with_squares() const { return form.metric != Metric::product; }
  /// [B, R].
  [[nodiscard]] torch::Tensor matrix() const { return stride == references ? products : products.narrow(1, 0, references); }
  [[nodiscard]] T* row(std::int64_t i) { return products.template data_ptr<T>() + i * stride; }
  /// `stride` values of a row that still holds its products. Distances of a row to itself are exactly 0.
  void values_of(std::int64_t i, T* values) {
    std::fill(row(i) + references, row(i) + stride, T(0));
    values_of_row(form, row(i), stride, anchors.squares[static_cast<std::size_t>(i)], others.squares.data(), values);
    if (itself && (with_squares() || form.offset != 0)) values[i] = T(0);
  }
};

}  // namespace diva::inline v0_1::detail
