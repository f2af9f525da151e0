#include <diva/core/normalize.hpp>
#include <diva/losses/angular_loss.hpp>
#include <diva/losses/pairwise.hpp>

#include "fused_kernels.hpp"
#include "rows.hpp"

#include <cmath>
#include <numbers>

namespace diva {
namespace {

// The cross entropy of a pair, the row input, among the negatives of its row.
struct AngularKernel {
  static constexpr int groups = 1;
  double scale;

  template <class L>
  DIVA_INLINE void row(detail::FusedRow<typename L::Number>& row) const {
    using T = typename L::Number;
    const auto sums = detail::sum_exponentials<L>(row, {T(0), T(0)}, detail::negative_side(detail::extremes_of<L>(row), scale));
    const auto [loss, chance] = detail::softplus(sums.log_negative - row.input);
    row.set_loss(loss);
    row.input_slope = -chance;
    detail::multiply_sides<L>(row, 0, row.negative_count == 0 ? 0 : scale * chance / sums.negative);
  }
};

}  // namespace

AngularLoss::AngularLoss(const AngularLossOptions& options) : options_(options) { validate_fields("AngularLoss", options); }

torch::Tensor AngularLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  auto loss = options_.angular_weight * angular_term(comparison, tuples);
  if (options_.npair_weight > 0) {
    const PairwiseOptions options = {.distance = {.kind = Distance::dot}, .similarities = true, .reducer = options_.reducer};
    auto npair = detail::fused_pairs(comparison, tuples, options, detail::PairCrossEntropy<>{1, {1}});
    if (!npair.defined()) {
      npair = pairwise_loss(comparison, tuples, options, {}, [](const PairBlock& block, const std::vector<torch::Tensor>&) {
        return std::vector<Elements>{detail::pair_cross_entropy(block, 1)};
      });
    }
    loss = loss + options_.npair_weight * npair;
  }
  if (options_.norm_penalty > 0) loss = loss + detail::norm_penalty(comparison, tuples, options_.norm_penalty);
  return loss;
}

torch::Tensor AngularLoss::angular_term(const Comparison& comparison, const Tuples& tuples) const {
  const auto [pair_anchors, positives] = detail::positive_pairs(comparison, tuples);
  const auto anchors = pair_anchors;
  const auto x = l2_normalize(comparison.embeddings);
  const auto r = comparison.reference ? l2_normalize(comparison.reference->embeddings) : x;
  const auto anchor = x.index_select(0, anchors), positive = r.index_select(0, positives);

  // Each positive pair is a row: its two ends added, against every reference.
  Comparison pairs = {.embeddings = anchor + positive,
                      .labels = comparison.labels.defined() ? comparison.labels.index_select(0, anchors) : torch::Tensor(),
                      .reference = Reference{options_.variant == Variant::pml ? comparison.reference_embeddings() : r,
                                             comparison.reference_labels()},
                      .relation = {}};
  if (comparison.relation || !std::holds_alternative<std::monostate>(tuples)) {
    const auto negative = detail::relation_rows(comparison, tuples, 0, comparison.size()).negative.index_select(0, anchors);
    pairs.relation = Relation{torch::zeros_like(negative), negative};
  }
  const double tangent = std::tan(options_.angle * std::numbers::pi / 180), square = tangent * tangent;
  const auto own = 2 * (1 + square) * (anchor * positive).sum(1);
  const PairwiseOptions options = {.distance = {.kind = Distance::dot}, .similarities = true, .reducer = options_.reducer};
  if (auto loss = detail::fused_pairs(pairs, {}, options, AngularKernel{4 * square}, own); loss.defined()) return loss;

  const auto function = [scale = 4 * square](const PairBlock& block, const std::vector<torch::Tensor>& parameters) {
    const auto negatives = detail::masked_logsumexp(block.values * scale, block.negative, false);
    return std::vector<Elements>{{detail::log1p_exp(negatives - parameters[0].narrow(0, block.first, block.values.size(0)))}};
  };
  return pairwise_loss(pairs, {}, options, {own}, function);
}

}  // namespace diva
