#pragma once

#include <diva/losses/reducer.hpp>

#include "../miners/fused_lanes.hpp"

#include <cmath>
#include <vector>

/// Losses of samples against proxies in one pass on the CPU: one product of matrices, a kernel for each row of it, and two products
/// for the gradients of both sides.
///
/// A criterion gives a kernel, a struct with its options as members and
///
///   static constexpr double padding = …;  // what stands beyond the last product: harmless to the kernel
///   template <class L> [[gnu::always_inline]] double row(ProxyRow<typename L::Number>& row) const;
///
/// which returns the loss of one sample and writes its slopes. NaN must pass to the loss. `compute` then says
///
///   if (auto loss = detail::fused_proxies(sides, targets, reducer, Kernel{…}); loss.defined()) return loss;
///
/// before the form by tensors, which is the reference and what all other cases take. tests/losses/fused_proxies_test.cpp compares
/// both for each criterion of its list: add a line there.
namespace diva::inline v0_1::detail {

/// One sample, as a kernel sees it.
template <class T>
struct ProxyRow {
  T* products;           ///< [size] of the sample and each proxy; may be overwritten.
  T* slopes;             ///< [size], to be written: the derivative of the loss by each product.
  T* scratch;            ///< [3 · size] for the kernel.
  std::int64_t size;     ///< A multiple of row_padding, at least the number of proxies.
  std::int64_t proxies;  ///< S·K.
  std::int64_t target;   ///< Which class is its own.
  // Of kernels with `static constexpr bool with_lengths = true`, whose rows are not normalised, or only the proxies.
  double length = 0;        ///< Of the sample.
  double own_length = 1;    ///< Of its class's proxy.
  double length_slope = 0;  ///< To be written: derivatives of the loss by the two.
  double own_length_slope = 0;
};

/// What is compared, float32 or float64 of one type.
struct ProxySides {
  torch::Tensor embeddings;     ///< [B, D]
  torch::Tensor rows;           ///< [S·K, D], those of a class beside each other.
  bool unit_embeddings = true;  ///< Whether they are normalised first.
  bool unit_rows = true;
};

struct ProxyTargets {
  torch::Tensor targets;       ///< [B] int64: which class is the sample's.
  torch::Tensor labels = {};   ///< [B] int64, for class weights.
  torch::Tensor weights = {};  ///< [B] of the samples, or undefined: all 1.
};

/// Rows of products, as the loop over samples sees them.
template <class T>
struct ProxyRows {
  T* products;
  T* slopes;
  std::int64_t stride;
  std::int64_t proxies;
  const std::int64_t* targets;
  const T* factors;  ///< Of losses and slopes of each sample.
  double* losses;
  double* lengths = nullptr;  ///< Where the kernel wants them; overwritten by slopes.
  double* own_lengths = nullptr;
};

/// A kernel without its type: rows [begin, end).
struct ProxyKernel {
  const void* self;
  void (*in_float)(const void* self, const ProxyRows<float>& rows, std::int64_t begin, std::int64_t end);
  void (*in_double)(const void* self, const ProxyRows<double>& rows, std::int64_t begin, std::int64_t end);
  bool with_lengths = false;
};

/// The loss, or an undefined tensor where it cannot be fused: another device, the reducers none and threshold. The gradient is
/// computed with the value, reaches both sides, and cannot be differentiated again. Products are held in blocks of pairs_at_once.
torch::Tensor fused_proxy_loss(const ProxySides& sides, const ProxyTargets& targets, const ReducerOptions& reducer,
                               const ProxyKernel& kernel);

template <class Kernel>
struct ProxyBody {
  template <class L, class T>
  DIVA_INLINE static void run(const Kernel* kernel, const ProxyRows<T>* rows, std::int64_t begin, std::int64_t end, T* scratch) {
    for (std::int64_t i = begin; i < end; ++i) {
      ProxyRow<T> row = {rows->products + i * rows->stride,
                         rows->slopes + i * rows->stride,
                         scratch,
                         rows->stride,
                         rows->proxies,
                         rows->targets[i]};
      for (std::int64_t j = row.proxies; j < row.size; ++j) row.products[j] = static_cast<T>(Kernel::padding);
      const T factor = rows->factors[i];
      if constexpr (requires { Kernel::with_lengths; }) {
        row.length = rows->lengths[i];
        row.own_length = rows->own_lengths[i];
      }
      rows->losses[i] = kernel->template row<L>(row) * static_cast<double>(factor);
      if constexpr (requires { Kernel::with_lengths; }) {
        rows->lengths[i] = row.length_slope * static_cast<double>(factor);
        rows->own_lengths[i] = row.own_length_slope * static_cast<double>(factor);
      }
      if (factor == T(1)) continue;
      for (std::int64_t j = 0; j < row.size; j += L::count) L::store(row.slopes + j, L::load(row.slopes + j) * factor);
    }
  }
};

template <class Kernel, class T>
void run_proxy_rows(const void* self, const ProxyRows<T>& rows, std::int64_t begin, std::int64_t end) {
  std::vector<T> scratch(static_cast<std::size_t>(3 * rows.stride));
  run_best<ProxyBody<Kernel>, T>(best_instruction_set(), static_cast<const Kernel*>(self), &rows, begin, end, scratch.data());
}

template <class Kernel>
torch::Tensor fused_proxies(const ProxySides& sides, const ProxyTargets& targets, const ReducerOptions& reducer,
                            const Kernel& kernel) {
  ProxyKernel untyped = {&kernel, run_proxy_rows<Kernel, float>, run_proxy_rows<Kernel, double>};
  if constexpr (requires { Kernel::with_lengths; }) untyped.with_lengths = true;
  return fused_proxy_loss(sides, targets, reducer, untyped);
}

/// A product with a margin, and its derivative by the product.
struct Shifted {
  double value;
  double slope;
};

/// −log softmax(scale · p)[target] with `own` in place of the target's product, and, without `own_counts`, over all other products;
/// writes slopes by p. Products are overwritten.
template <class L, class T = typename L::Number>
DIVA_INLINE double cross_entropy_row(T* products, T* slopes, std::int64_t size, std::int64_t target, double scale,
                                     const Shifted& own, bool own_counts = true) {
  const T s = static_cast<T>(scale);
  const double own_logit = scale * own.value;
  products[target] = own_counts ? static_cast<T>(own.value) : static_cast<T>(-1e30);
  auto largest = L::all(static_cast<T>(-1e30));
  for (std::int64_t j = 0; j < size; j += L::count) {
    const auto p = L::load(products + j);
    largest = L::where(p > largest, p, largest);
  }
  const T shift = L::largest(largest);
  typename L::Vector sums = {};
  for (std::int64_t j = 0; j < size; j += L::count) {
    const auto e = L::exp((L::load(products + j) - shift) * s);
    sums += e;
    L::store(slopes + j, e);
  }
  const double total = L::sum(sums);
  const T factor = static_cast<T>(scale / total);
  for (std::int64_t j = 0; j < size; j += L::count) L::store(slopes + j, L::load(slopes + j) * factor);
  slopes[target] = static_cast<T>((static_cast<double>(slopes[target]) - scale) * own.slope);
  return std::log(total) + scale * static_cast<double>(shift) - own_logit;
}

/// A margin that changes nothing.
struct NoMargin {
  Shifted operator()(double product) const { return {product, 1}; }
};

/// Cross entropy of scale · products, the own one with a margin.
template <class Margin>
struct SoftmaxKernel {
  static constexpr double padding = -1e30;
  double scale = 1;
  Margin margin = {};
  std::int64_t centers = 1;  ///< Proxies of a class, of which the nearest counts.
  bool own_counts = true;    ///< Whether the own class is among those of the softmax's sum.

  template <class L, class T = typename L::Number>
  DIVA_INLINE double row(ProxyRow<T>& row) const {
    if (centers == 1) {
      const auto own = margin(static_cast<double>(row.products[row.target]));
      return cross_entropy_row<L>(row.products, row.slopes, row.size, row.target, scale, own, own_counts);
    }
    const auto classes = row.proxies / centers, size = (classes + row_padding - 1) / row_padding * row_padding;
    T *const nearest = row.scratch, *const slopes = row.scratch + row.size, *const places = slopes + row.size;
    for (std::int64_t c = 0; c < classes; ++c) {
      const T* products = row.products + c * centers;
      T best = products[0];
      std::int64_t place = 0;  // of several equally near ones the first
      for (std::int64_t k = 1; k < centers; ++k) {
        const bool nearer = products[k] > best || std::isnan(products[k]);
        best = nearer ? products[k] : best;
        place = nearer ? k : place;
      }
      nearest[c] = best;
      places[c] = static_cast<T>(place);
    }
    for (auto c = classes; c < size; ++c) nearest[c] = static_cast<T>(padding);
    const auto own = margin(static_cast<double>(nearest[row.target]));
    const double loss = cross_entropy_row<L>(nearest, slopes, size, row.target, scale, own, own_counts);
    for (std::int64_t j = 0; j < row.size; j += L::count) L::store(row.slopes + j, typename L::Vector{});
    for (std::int64_t c = 0; c < classes; ++c) row.slopes[c * centers + static_cast<std::int64_t>(places[c])] = slopes[c];
    return loss;
  }
};

}  // namespace diva::inline v0_1::detail
