#include "fused_proxies.hpp"

#include <ATen/Parallel.h>
#include <torch/utils.h>
#include <diva/core/gradient.hpp>
#include <diva/losses/pairwise.hpp>

#include "../miners/fused_loops.hpp"
#include "fused_pairs.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

namespace diva::inline v0_1::detail {
namespace {

template <class T>
struct Side {
  torch::Tensor rows;     // [N, D] as they are compared
  torch::Tensor lengths;  // [N] where they were normalised

  Side(const torch::Tensor& given, bool unit) : rows(given.detach().contiguous()) {
    if (!unit) return;
    const auto from = rows;
    rows = torch::empty(from.sizes(), from.options());
    lengths = torch::empty({from.size(0)}, from.options());
    normalize_rows(from.data_ptr<T>(), from.size(0), from.size(1), rows.data_ptr<T>(), lengths.data_ptr<T>());
  }

  // From the gradient of the rows as they are compared to that of the rows as given.
  void finish(torch::Tensor& gradient) const {
    if (!lengths.defined()) return;
    finish_rows<T>(gradient.data_ptr<T>(), rows.data_ptr<T>(), rows.size(0), rows.size(1), nullptr, lengths.data_ptr<T>());
  }
};

// Weights of the samples times those of their classes.
template <class T>
std::vector<T> factors_of(const ProxyTargets& targets, const ReducerOptions& reducer) {
  const auto size = targets.targets.size(0);
  std::vector<T> factors(static_cast<std::size_t>(size), T(1));
  if (targets.weights.defined()) {
    const auto weights = targets.weights.contiguous();
    std::copy_n(weights.template data_ptr<T>(), size, factors.begin());
  }
  if (reducer.kind == Reduction::class_weighted) {
    const auto labels = targets.labels.contiguous();
    const auto* label = labels.data_ptr<std::int64_t>();
    for (auto& factor : factors) factor *= static_cast<T>(reducer.class_weights[static_cast<std::size_t>(*label++)]);
  }
  return factors;
}

template <class T>
std::vector<double> lengths_of(const torch::Tensor& rows) {
  std::vector<double> lengths;
  const auto* row = rows.data_ptr<T>();
  const auto dim = rows.size(1);
  for (std::int64_t i = 0; i < rows.size(0); ++i, row += dim) {
    double square = 0;
    for (std::int64_t d = 0; d < dim; ++d) square += static_cast<double>(row[d]) * static_cast<double>(row[d]);
    lengths.push_back(std::sqrt(square));
  }
  return lengths;
}

// gradient[to] += slope · row / ‖row‖, for slopes by lengths.
template <class T>
void add_lengthwise(torch::Tensor& gradient, const torch::Tensor& rows, std::int64_t row, double slope, double length) {
  if (length <= 0) return;
  const auto dim = rows.size(1);
  const auto* from = rows.data_ptr<T>() + row * dim;
  auto* to = gradient.data_ptr<T>() + row * dim;
  const T share = static_cast<T>(slope / length);
  for (std::int64_t d = 0; d < dim; ++d) to[d] += share * from[d];
}

template <class T>
class FusedProxies {
 public:
  FusedProxies(const ProxySides& sides, const ProxyTargets& given, const ReducerOptions& reducer, const ProxyKernel& kernel,
               bool with_gradients)
      : x_(sides.embeddings, sides.unit_embeddings),
        w_(sides.rows, sides.unit_rows),
        targets_(given.targets.contiguous()),
        factors_(factors_of<T>(given, reducer)),
        losses_(factors_.size()) {
    if (kernel.with_lengths) {
      length_slopes_ = lengths_ = lengths_of<T>(x_.rows);
      proxy_lengths_ = sides.unit_rows ? std::vector<double>(static_cast<std::size_t>(w_.rows.size(0)), 1) : lengths_of<T>(w_.rows);
      for (std::size_t i = 0; i < lengths_.size(); ++i) own_slopes_.push_back(proxy_lengths_[own(i)]);
    }
    if (with_gradients) {
      of_x = torch::empty_like(x_.rows);
      of_w = torch::empty_like(w_.rows);
    }
    each_block(kernel);
    double active = 0;
    for (const double loss : losses_) {
      sum += loss;
      active += loss > 0;
    }
    const auto number = static_cast<double>(losses_.size());  // each sample has one loss
    divisor = divisor_of(reducer, number, active, number);
    if (with_gradients) finish(sides);
  }

  double sum = 0, divisor = 1;
  torch::Tensor of_x, of_w;  // gradients of the sum

 private:
  [[nodiscard]] std::size_t own(std::size_t i) const { return static_cast<std::size_t>(targets_.data_ptr<std::int64_t>()[i]); }

  void each_block(const ProxyKernel& kernel) {
    const auto batch = x_.rows.size(0), proxies = w_.rows.size(0);
    const auto stride = (proxies + row_padding - 1) / row_padding * row_padding;
    const auto at_once = std::clamp<std::int64_t>(pairs_at_once / stride, 1, batch);
    const auto products = torch::empty({at_once, stride}, x_.rows.options()), slopes = torch::empty_like(products);
    for (std::int64_t first = 0; first < batch; first += at_once) {
      const auto count = std::min(at_once, batch - first);
      const auto rows = x_.rows.narrow(0, first, count);
      auto block = products.narrow(0, 0, count).narrow(1, 0, proxies);
      torch::mm_out(block, rows, w_.rows.t());
      ProxyRows<T> all = {products.template data_ptr<T>(),
                          slopes.template data_ptr<T>(),
                          stride,
                          proxies,
                          targets_.data_ptr<std::int64_t>() + first,
                          factors_.data() + first,
                          losses_.data() + first};
      if (kernel.with_lengths) {
        all.lengths = length_slopes_.data() + first;
        all.own_lengths = own_slopes_.data() + first;
      }
      constexpr std::int64_t grain = 1 << 15;
      at::parallel_for(0, count, std::max<std::int64_t>(grain / stride, 1), [&](std::int64_t begin, std::int64_t end) {
        if constexpr (sizeof(T) == 4) kernel.in_float(kernel.self, all, begin, end);
        if constexpr (sizeof(T) == 8) kernel.in_double(kernel.self, all, begin, end);
      });
      if (!of_x.defined()) continue;
      const auto steep = slopes.narrow(0, 0, count).narrow(1, 0, proxies);
      auto part = of_x.narrow(0, first, count);
      torch::mm_out(part, steep, w_.rows);
      if (first == 0) {
        torch::mm_out(of_w, steep.t(), rows);
      } else {
        of_w.addmm_(steep.t(), rows);
      }
    }
  }

  void finish(const ProxySides& sides) {
    for (std::size_t i = 0; i < lengths_.size(); ++i) {
      add_lengthwise<T>(of_x, x_.rows, static_cast<std::int64_t>(i), length_slopes_[i], lengths_[i]);
      if (!sides.unit_rows)
        add_lengthwise<T>(of_w, w_.rows, static_cast<std::int64_t>(own(i)), own_slopes_[i], proxy_lengths_[own(i)]);
    }
    x_.finish(of_x);
    w_.finish(of_w);
  }

  Side<T> x_, w_;
  torch::Tensor targets_;
  std::vector<T> factors_;
  std::vector<double> losses_;
  std::vector<double> lengths_, proxy_lengths_, length_slopes_, own_slopes_;  // of kernels with lengths
};

template <class T>
torch::Tensor loss_of(const ProxySides& sides, const ProxyTargets& targets, const ReducerOptions& reducer,
                      const ProxyKernel& kernel) {
  const bool with_gradients = torch::GradMode::is_enabled() && (sides.embeddings.requires_grad() || sides.rows.requires_grad());
  const auto [value, of_x, of_w, divisor] = [&] {
    const torch::NoGradGuard no_gradient;
    const FusedProxies<T> pass(sides, targets, reducer, kernel, with_gradients);
    return std::tuple(torch::full({}, pass.sum / pass.divisor, sides.embeddings.options().requires_grad(false)), pass.of_x,
                      pass.of_w, pass.divisor);
  }();
  return with_gradient(value, {sides.embeddings, sides.rows},
                       [of_x = of_x, of_w = of_w, divisor = divisor](const torch::Tensor& gradient) {
                         const auto share = gradient / divisor;
                         return std::vector<torch::Tensor>{of_x * share, of_w * share};
                       });
}

}  // namespace

torch::Tensor fused_proxy_loss(const ProxySides& sides, const ProxyTargets& targets, const ReducerOptions& reducer,
                               const ProxyKernel& kernel) {
  const Comparison comparison = {
      .embeddings = sides.embeddings, .labels = targets.targets, .reference = Reference{.embeddings = sides.rows}};
  const PairwiseOptions options = {.distance = {.kind = Distance::dot}, .similarities = true, .reducer = reducer};
  if (sides.embeddings.size(0) == 0 || !fusible(comparison, {}, options)) return {};
  check_reducer("fused_proxies", reducer, targets.labels);
  return sides.embeddings.scalar_type() == torch::kFloat64 ? loss_of<double>(sides, targets, reducer, kernel)
                                                           : loss_of<float>(sides, targets, reducer, kernel);
}

}  // namespace diva::inline v0_1::detail
