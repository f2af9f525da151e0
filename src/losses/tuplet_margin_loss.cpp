#include <diva/losses/pairwise.hpp>
#include <diva/losses/tuplet_margin_loss.hpp>

#include "rows.hpp"

#include <cmath>
#include <numbers>

namespace diva {

TupletMarginLoss::TupletMarginLoss(const TupletMarginLossOptions& options) : options_(options) {
  validate_fields("TupletMarginLoss", options);
}

torch::Tensor TupletMarginLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const double margin = options_.margin * std::numbers::pi / 180;
  const auto function = [cosine = std::cos(margin), sine = std::sin(margin), scale = options_.scale](
                            const PairBlock& block, const std::vector<torch::Tensor>&) {
    const auto& s = block.values;
    const auto square = (1 - s) * (1 + s);
    const auto flat = square <= 0;  // equal or opposite, where the sine has no gradient
    const auto eased = s * cosine + square.masked_fill(flat, 1).sqrt().masked_fill(flat, 0) * sine;
    const auto negatives = detail::masked_logsumexp(s * scale, block.negative, false).unsqueeze(1);
    return std::vector<Elements>{{detail::log1p_exp(negatives - eased * scale), block.positive}};
  };
  return pairwise_loss(comparison, tuples,
                       {.distance = {.kind = Distance::cosine}, .similarities = true, .reducer = options_.reducer}, {}, function);
}

}  // namespace diva
