#include "fused_loops.hpp"

#include <algorithm>

namespace diva::inline v0_1::detail {
namespace {

constexpr double shortest = 1e-12;  // as in l2_normalize
constexpr std::int64_t tile_size = 64;

template <class L>
DIVA_INLINE typename L::Number product(const typename L::Number* a, const typename L::Number* b, std::int64_t dim) {
  using T = typename L::Number;
  typename L::Vector sums[2] = {};
  std::int64_t i = 0;
  for (; i + 2 * L::count <= dim; i += 2 * L::count) {
    sums[0] += L::load(a + i) * L::load(b + i);
    sums[1] += L::load(a + i + L::count) * L::load(b + i + L::count);
  }
  double total = L::sum(sums[0] + sums[1]);
  for (; i < dim; ++i) total += static_cast<double>(a[i] * b[i]);
  return static_cast<T>(total);
}

// Calls body(lanes of row i .. i + count) or, for what is left, body(one number), both through the same generic function.
template <class L, class Wide, class Single>
DIVA_INLINE void along(std::int64_t dim, Wide&& wide, Single&& single) {
  std::int64_t i = 0;
  for (; i + L::count <= dim; i += L::count) wide(i);
  for (; i < dim; ++i) single(i);
}

struct Normalize {
  template <class L, class T = typename L::Number>
  DIVA_INLINE static void run(const T* from, std::int64_t n, std::int64_t dim, T* to, T* lengths) {
    for (std::int64_t row = 0; row < n; ++row, from += dim, to += dim) {
      const T square = product<L>(from, from, dim);
      const T length = std::sqrt(square);
      lengths[row] = length < static_cast<T>(shortest) ? static_cast<T>(shortest) : length;
      const T divisor = lengths[row];
      along<L>(
          dim, [&](std::int64_t i) __attribute__((always_inline)) { L::store(to + i, L::load(from + i) / divisor); },
          [&](std::int64_t i) __attribute__((always_inline)) { to[i] = from[i] / divisor; });
    }
  }
};

struct Square {
  template <class L, class T = typename L::Number>
  DIVA_INLINE static void run(const T* from, std::int64_t n, std::int64_t dim, T* squares) {
    for (std::int64_t row = 0; row < n; ++row, from += dim) squares[row] = product<L>(from, from, dim);
  }
};

template <Metric metric>
struct Values {
  template <class L, class T = typename L::Number>
  DIVA_INLINE static void run(T factor, T offset, const T* products, std::int64_t size, T own_square, const T* squares, T* values) {
    for (std::int64_t j = 0; j < size; j += L::count) {
      const auto p = L::load(products + j);
      if constexpr (metric == Metric::product) {
        L::store(values + j, p * factor + offset);
      } else {
        auto measure = (own_square + L::load(squares + j)) - (p + p);
        measure = L::where(measure < T(0), typename L::Vector{}, measure);
        if constexpr (metric == Metric::euclidean) measure = L::root(measure);
        L::store(values + j, measure * factor);
      }
    }
  }
};

template <Metric metric>
struct Slopes {
  template <class L, class T = typename L::Number>
  DIVA_INLINE static void run(const T* values, std::int64_t size, T* slopes) {
    for (std::int64_t j = 0; j < size; j += L::count) {
      const auto v = L::load(values + j);
      auto slope = L::load(slopes + j);
      if constexpr (metric == Metric::euclidean) slope = slope / L::where(v < T(0), -v, v);
      L::store(slopes + j, L::where(v == T(0), typename L::Vector{}, slope));
    }
  }
};

struct Scale {
  template <class L, class T = typename L::Number>
  DIVA_INLINE static void run(T* slopes, std::int64_t size, const T* relation, T positive, T negative) {
    for (std::int64_t j = 0; j < size; j += L::count) {
      const auto factor =
          relation == nullptr ? L::all(positive) : L::where(L::load(relation + j) > T(0), L::all(positive), L::all(negative));
      L::store(slopes + j, L::load(slopes + j) * factor);
    }
  }
};

struct Sum {
  template <class L, class T = typename L::Number>
  DIVA_INLINE static void run(const T* row, std::int64_t size, double* sum) {
    typename L::Vector sums = {};
    for (std::int64_t j = 0; j < size; j += L::count) sums += L::load(row + j);
    *sum = L::sum(sums);
  }
};

struct Add {
  template <class L, class T = typename L::Number>
  DIVA_INLINE static void run(const T* row, std::int64_t size, T* sums) {
    for (std::int64_t j = 0; j < size; j += L::count) L::store(sums + j, L::load(sums + j) + L::load(row + j));
  }
};

struct Symmetrize {
  template <class L, class T = typename L::Number>
  DIVA_INLINE static void run(T* matrix, std::int64_t n, std::int64_t stride, const T* factors, std::int64_t tile) {
    T mirrored[tile_size][tile_size];
    const auto top = tile * tile_size, height = std::min(tile_size, n - top);
    for (auto left = top; left < n; left += tile_size) {
      const auto width = std::min(tile_size, n - left);
      for (std::int64_t j = 0; j < width; ++j) {
        const T* from = matrix + (left + j) * stride + top;
        const T factor = factors[left + j];
        for (std::int64_t i = 0; i < height; ++i) mirrored[i][j] = from[i] * factor;
      }
      for (std::int64_t i = 0; i < height; ++i) {
        T* row = matrix + (top + i) * stride + left;
        const T factor = factors[top + i];
        along<L>(
            width,
            [&](std::int64_t j) __attribute__((always_inline)) {
              const auto both = L::load(row + j) * factor + L::load(mirrored[i] + j);
              L::store(row + j, both);
              L::store(mirrored[i] + j, both);
            },
            [&](std::int64_t j) __attribute__((always_inline)) { row[j] = mirrored[i][j] += row[j] * factor; });
      }
      if (left == top) continue;
      for (std::int64_t j = 0; j < width; ++j) {
        T* to = matrix + (left + j) * stride + top;
        for (std::int64_t i = 0; i < height; ++i) to[i] = mirrored[i][j];
      }
    }
  }
};

struct Finish {
  template <class L, class T = typename L::Number>
  DIVA_INLINE static void run(T* gradient, const T* rows, std::int64_t n, std::int64_t dim, const T* sums, const T* lengths) {
    for (std::int64_t i = 0; i < n; ++i, gradient += dim, rows += dim) {
      if (sums != nullptr) subtract<L>(gradient, rows, dim, sums[i], T(1));
      if (lengths == nullptr) continue;
      // Below the shortest length the divisor is a constant.
      const T radial = lengths[i] > static_cast<T>(shortest) || std::isnan(lengths[i]) ? product<L>(gradient, rows, dim) : T(0);
      subtract<L>(gradient, rows, dim, radial, 1 / lengths[i]);
    }
  }

  template <class L, class T>
  DIVA_INLINE static void subtract(T* gradient, const T* rows, std::int64_t dim, T share, T factor) {
    along<L>(
        dim,
        [&](std::int64_t i) __attribute__((always_inline)) {
          L::store(gradient + i, (L::load(gradient + i) - L::load(rows + i) * share) * factor);
        },
        [&](std::int64_t i) __attribute__((always_inline)) { gradient[i] = (gradient[i] - rows[i] * share) * factor; });
  }
};

template <class Body, class T, class... Arguments>
void best(Arguments... arguments) {
  run_best<Body, T>(best_instruction_set(), arguments...);
}

}  // namespace

template <class T>
void normalize_rows(const T* from, std::int64_t n, std::int64_t dim, T* to, T* lengths) {
  best<Normalize, T>(from, n, dim, to, lengths);
}

template <class T>
void square_rows(const T* from, std::int64_t n, std::int64_t dim, T* squares) {
  best<Square, T>(from, n, dim, squares);
}

template <class T>
void values_of_row(const MetricForm& form, const T* products, std::int64_t size, T own_square, const T* squares, T* values) {
  const auto factor = static_cast<T>(form.factor), offset = static_cast<T>(form.offset);
  switch (form.metric) {
    case Metric::product:
      return best<Values<Metric::product>, T>(factor, offset, products, size, own_square, squares, values);
    case Metric::squared:
      return best<Values<Metric::squared>, T>(factor, offset, products, size, own_square, squares, values);
    case Metric::euclidean:
      return best<Values<Metric::euclidean>, T>(factor, offset, products, size, own_square, squares, values);
  }
}

template <class T>
void slopes_by_product(const MetricForm& form, const T* values, std::int64_t size, T* slopes) {
  if (form.metric == Metric::squared) best<Slopes<Metric::squared>, T>(values, size, slopes);
  if (form.metric == Metric::euclidean) best<Slopes<Metric::euclidean>, T>(values, size, slopes);
}

template <class T>
void scale_row(T* slopes, std::int64_t size, const T* relation, T positive, T negative) {
  best<Scale, T>(slopes, size, relation, positive, negative);
}

template <class T>
double sum_row(const T* row, std::int64_t size) {
  double sum = 0;
  best<Sum, T>(row, size, &sum);
  return sum;
}

template <class T>
void add_row(const T* row, std::int64_t size, T* sums) {
  best<Add, T>(row, size, sums);
}

std::int64_t symmetry_tiles(std::int64_t n) { return (n + tile_size - 1) / tile_size; }

template <class T>
void symmetrize_tiles(T* matrix, std::int64_t n, std::int64_t stride, const T* factors, std::int64_t tile) {
  best<Symmetrize, T>(matrix, n, stride, factors, tile);
}

template <class T>
void finish_rows(T* gradient, const T* rows, std::int64_t n, std::int64_t dim, const T* sums, const T* lengths) {
  best<Finish, T>(gradient, rows, n, dim, sums, lengths);
}

template void normalize_rows(const float*, std::int64_t, std::int64_t, float*, float*);
template void normalize_rows(const double*, std::int64_t, std::int64_t, double*, double*);
template void square_rows(const float*, std::int64_t, std::int64_t, float*);
template void square_rows(const double*, std::int64_t, std::int64_t, double*);
template void values_of_row(const MetricForm&, const float*, std::int64_t, float, const float*, float*);
template void values_of_row(const MetricForm&, const double*, std::int64_t, double, const double*, double*);
template void slopes_by_product(const MetricForm&, const float*, std::int64_t, float*);
template void slopes_by_product(const MetricForm&, const double*, std::int64_t, double*);
template void scale_row(float*, std::int64_t, const float*, float, float);
template void scale_row(double*, std::int64_t, const double*, double, double);
template double sum_row(const float*, std::int64_t);
template double sum_row(const double*, std::int64_t);
template void add_row(const float*, std::int64_t, float*);
template void add_row(const double*, std::int64_t, double*);
template void symmetrize_tiles(float*, std::int64_t, std::int64_t, const float*, std::int64_t);
template void symmetrize_tiles(double*, std::int64_t, std::int64_t, const double*, std::int64_t);
template void finish_rows(float*, const float*, std::int64_t, std::int64_t, const float*, const float*);
template void finish_rows(double*, const double*, std::int64_t, std::int64_t, const double*, const double*);

}  // namespace diva::inline v0_1::detail
