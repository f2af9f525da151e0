#include <diva/core/normalize.hpp>
#include <diva/losses/large_margin_softmax_loss.hpp>

#include <cmath>
#include <numbers>

namespace diva {
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

torch::Tensor lengths(const torch::Tensor& rows) { return rows.norm(2, 1, true); }

}  // namespace

LargeMarginSoftmaxLoss::LargeMarginSoftmaxLoss(const LargeMarginSoftmaxLossOptions& options, std::int64_t num_classes,
                                               std::int64_t embed_dim, Generator& generator)
    : ProxyLoss("LargeMarginSoftmaxLoss", options.proxies, num_classes, embed_dim, generator), options_(options) {
  validate_fields("LargeMarginSoftmaxLoss", options);
}

torch::Tensor LargeMarginSoftmaxLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const auto now = step(comparison, tuples);
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

}  // namespace diva
