#include <diva/losses/pairwise.hpp>
#include <diva/losses/tuplet_margin_loss.hpp>

#include "fused_kernels.hpp"
#include "rows.hpp"

#include <cmath>
#include <numbers>

namespace diva::inline v0_1 {
namespace {

// scale · cos(θ − β) and its slope; none of the sine where the two are equal or opposite.
struct Eased {
  double scale, cosine, sine;
  [[nodiscard]] DIVA_INLINE std::pair<double, double> operator()(double s) const {
    const double square = (1 - s) * (1 + s), height = square <= 0 ? 0 : std::sqrt(square);
    return {scale * (s * cosine + height * sine), scale * (cosine - (square <= 0 ? 0 : s / height * sine))};
  }
};

}  // namespace

TupletMarginLoss::TupletMarginLoss(const TupletMarginLossOptions& options) : options_(options) {
  validate_fields("TupletMarginLoss", options);
}

torch::Tensor TupletMarginLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const double margin = options_.margin * std::numbers::pi / 180;
  const PairwiseOptions options = {.distance = {.kind = Distance::cosine}, .similarities = true, .reducer = options_.reducer};
  const Eased eased = {options_.scale, std::cos(margin), std::sin(margin)};
  const detail::PairCrossEntropy<Eased> kernel = {options_.scale, eased};
  if (auto loss = detail::fused_pairs(comparison, tuples, options, kernel); loss.defined()) return loss;

  const auto function = [cosine = eased.cosine, sine = eased.sine, scale = options_.scale](const PairBlock& block,
                                                                                           const std::vector<torch::Tensor>&) {
    const auto& s = block.values;
    const auto square = (1 - s) * (1 + s);
    const auto flat = square <= 0;  // equal or opposite, where the sine has no gradient
    const auto eased = s * cosine + square.masked_fill(flat, 1).sqrt().masked_fill(flat, 0) * sine;
    const auto negatives = detail::masked_logsumexp(s * scale, block.negative, false).unsqueeze(1);
    return std::vector<Elements>{{detail::log1p_exp(negatives - eased * scale), block.positive}};
  };
  return pairwise_loss(comparison, tuples, options, {}, function);
}

}  // namespace diva::inline v0_1
