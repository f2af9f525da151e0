#include <diva/core/normalize.hpp>
#include <diva/losses/large_margin_softmax_loss.hpp>

#include <cmath>
#include <numbers>

#include "fused_proxies.hpp"

namespace diva::inline v0_1 {
namespace {

// ψ of cosines, as polynomials of them.
torch::Tensor with_margin(const torch::Tensor& cosines, std::int64_t margin) {
  auto before = torch::ones_like(cosines), multiple = cosines;  // T_0, T_1
  for (std::int64_t n = 1; n < margin; ++n) {
    auto next = 2 * cosines * multiple - before;
    before = std::move(multiple);
    multiple = std::move(next);
  }
  auto k = torch::zeros_like(cosines);  // the cosine has passed those of π/m, 2π/m, …
  for (std::int64_t j = 1; j < margin; ++j) {
    const double end = std::cos(static_cast<double>(j) * std::numbers::pi / static_cast<double>(margin));
    k = k + (cosines.detach() <= end);
  }
  return (1 - 2 * k.remainder(2)) * multiple - 2 * k;
}

// Products x·w, of which the own one is ‖x‖‖w‖ ψ(cos θ).
struct MultipliedAngle {
  static constexpr double padding = -1e30;
  static constexpr bool with_lengths = true;
  double scale = 1;
  std::int64_t margin = 4;

  template <class L, class T = typename L::Number>
  DIVA_INLINE double row(detail::ProxyRow<T>& row) const {
    const double both = row.length * row.own_length;
    const double cosine = both > 0 ? static_cast<double>(row.products[row.target]) / both : 0;
    const auto multiple = at(cosine);
    const double loss =
        detail::cross_entropy_row<L>(row.products, row.slopes, row.size, row.target, scale, {both * multiple.value, 1});
    const double slope = static_cast<double>(row.slopes[row.target]), rest = multiple.value - cosine * multiple.slope;
    row.slopes[row.target] = static_cast<T>(slope * multiple.slope);
    row.length_slope = slope * row.own_length * rest;
    row.own_length_slope = slope * row.length * rest;
    return loss;
  }

  // (−1)^k cos(mθ) − 2k by Chebyshev's polynomials of both kinds: the derivative of T_m is m U_(m−1).
  [[nodiscard]] detail::Shifted at(double cosine) const {
    double before = 1, multiple = cosine, second_before = 0, second = 1;
    for (std::int64_t i = 1; i < margin; ++i) {
      const double next = 2 * cosine * multiple - before, next_second = 2 * cosine * second - second_before;
      before = multiple;
      multiple = next;
      second_before = second;
      second = next_second;
    }
    int k = 0;
    for (std::int64_t j = 1; j < margin; ++j)
      k += cosine <= std::cos(static_cast<double>(j) * std::numbers::pi / static_cast<double>(margin)) ? 1 : 0;
    const double sign = k % 2 == 0 ? 1 : -1;
    return {sign * multiple - 2 * k, sign * static_cast<double>(margin) * second};
  }
};

torch::Tensor lengths(const torch::Tensor& rows) { return rows.norm(2, 1, true); }

}  // namespace

LargeMarginSoftmaxLoss::LargeMarginSoftmaxLoss(const LargeMarginSoftmaxLossOptions& options, std::int64_t num_classes,
                                               std::int64_t embed_dim, Generator& generator)
    : ProxyLoss("LargeMarginSoftmaxLoss", options.proxies, num_classes, embed_dim, generator), options_(options) {
  validate_fields("LargeMarginSoftmaxLoss", options);
}

torch::Tensor LargeMarginSoftmaxLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const auto now = step(comparison, tuples);
  auto fused = detail::fused_proxies(
      {.embeddings = comparison.embeddings, .rows = now.rows, .unit_embeddings = false, .unit_rows = !options_.weight_norms},
      {now.targets, now.labels, now.weights}, options_.reducer, MultipliedAngle{options_.scale, options_.margin});
  if (fused.defined()) return fused;
  std::vector<torch::Tensor> norms = {lengths(comparison.embeddings) * options_.scale};
  if (options_.weight_norms) norms.push_back(lengths(now.rows).t());
  return cross_entropy(
      l2_normalize(comparison.embeddings), l2_normalize(now.rows), now, options_.reducer,
      [margin = options_.margin](const torch::Tensor& cosines, const torch::Tensor& targets, std::int64_t first,
                                 const std::vector<torch::Tensor>& lengths) {
        const auto logits = cosines.scatter(1, targets, with_margin(cosines.gather(1, targets), margin)) *
                            lengths[0].narrow(0, first, cosines.size(0));
        return lengths.size() > 1 ? logits * lengths[1] : logits;
      },
      norms);
}

torch::Tensor LargeMarginSoftmaxLoss::scores(const torch::Tensor& embeddings, const torch::Tensor& rows) const {
  return embeddings.mm((options_.weight_norms ? rows : l2_normalize(rows)).t()) * options_.scale;
}

}  // namespace diva::inline v0_1
