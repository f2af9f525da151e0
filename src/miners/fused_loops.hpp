#pragma once

#include "fused_lanes.hpp"

/// The loops around a kernel of rows, which are the same for all criteria: from products to values and from slopes to gradients.
namespace diva::inline v0_1::detail {

/// How a value comes from the product of two rows.
enum class Metric { product, squared, euclidean };

/// value = factor · measure + offset; the measure is the product, or the (squared) Euclidean distance.
struct MetricForm {
  Metric metric = Metric::product;
  double factor = 1;
  double offset = 0;
};

/// Rows [n, dim] → their lengths, floored at 1e-12, and with `unit` rows of length 1, otherwise the rows themselves.
template <class T>
void normalize_rows(const T* from, std::int64_t n, std::int64_t dim, T* to, T* lengths);

/// ‖row‖² of n rows.
template <class T>
void square_rows(const T* from, std::int64_t n, std::int64_t dim, T* squares);

/// `size` values of a row from its products, its own square and those of the references.
template <class T>
void values_of_row(const MetricForm& form, const T* products, std::int64_t size, T own_square, const T* squares, T* values);

/// From slopes by value to slopes by half the squared distance, but for factors: nothing to do for products.
template <class T>
void slopes_by_product(const MetricForm& form, const T* values, std::int64_t size, T* slopes);

/// slopes ·= positive or negative factor, by the relation; undefined relation: all by the first. Returns their sum where wanted.
template <class T>
void scale_row(T* slopes, std::int64_t size, const T* relation, T positive, T negative);
template <class T>
double sum_row(const T* row, std::int64_t size);

/// Adds the row to `sums`.
template <class T>
void add_row(const T* row, std::int64_t size, T* sums);

/// M ← diag(f) M + (diag(f) M)ᵀ of [n, n] in rows of `stride`, in tiles: those of tile row `tile` and of their mirror images, for
/// each tile < symmetry_tiles(n) once, in any order.
std::int64_t symmetry_tiles(std::int64_t n);
template <class T>
void symmetrize_tiles(T* matrix, std::int64_t n, std::int64_t stride, const T* factors, std::int64_t tile);

/// gradient ← (gradient − sum · row) of each row, and with `lengths` that of the rows before they were normalised.
template <class T>
void finish_rows(T* gradient, const T* rows, std::int64_t n, std::int64_t dim, const T* sums, const T* lengths);

}  // namespace diva::inline v0_1::detail
