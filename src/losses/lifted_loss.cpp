#include <diva/losses/lifted_loss.hpp>
#include <diva/losses/pairwise.hpp>

#include "fused_kernels.hpp"
#include "rows.hpp"

namespace diva::inline v0_1 {
namespace {

struct GeneralizedLiftedKernel {
  static constexpr int groups = 1;
  double near, far;
  bool all;

  template <class L>
  DIVA_INLINE void row(detail::FusedRow<typename L::Number>& row) const {
    const bool has_positive = row.positive_count > 0, has_negative = row.negative_count > 0;
    if (!all && !(has_positive && has_negative)) return row.leave_out();
    const auto extremes = detail::extremes_of<L>(row);
    const auto sums = detail::sum_exponentials<L>(row, detail::positive_side(extremes, 1), detail::negative_side(extremes, -1));
    const double both = (has_positive ? sums.log_positive - near : 0) + (has_negative ? sums.log_negative + far : 0);
    row.set_loss(both <= 0 ? 0 : both);  // NaN passes
    const double active = both <= 0 ? 0 : 1;
    detail::multiply_sides<L>(row, has_positive ? active / sums.positive : 0, has_negative ? -active / sums.negative : 0);
  }
};

}  // namespace

LiftedLoss::LiftedLoss(const LiftedLossOptions& options) : options_(options) { validate_fields("LiftedLoss", options); }

torch::Tensor LiftedLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  auto loss = options_.form == LiftedForm::structured ? structured(comparison, tuples)
              : options_.variant == Variant::repo     ? by_dimensions(comparison, tuples)
                                                      : generalized(comparison, tuples);
  return options_.norm_penalty > 0 ? loss + detail::norm_penalty(comparison, tuples, options_.norm_penalty) : loss;
}

torch::Tensor LiftedLoss::generalized(const Comparison& comparison, const Tuples& tuples) const {
  const PairwiseOptions pairs = {.distance = options_.distance, .reducer = options_.reducer};
  const GeneralizedLiftedKernel kernel = {options_.positive_margin, options_.negative_margin, options_.variant == Variant::pml};
  if (auto loss = detail::fused_pairs(comparison, tuples, pairs, kernel); loss.defined()) return loss;

  const auto function = [near = kernel.near, far = kernel.far, all = kernel.all](const PairBlock& block,
                                                                                 const std::vector<torch::Tensor>&) {
    const auto has_positive = detail::any_of(block.positive), has_negative = detail::any_of(block.negative);
    const auto pull = detail::masked_logsumexp(block.values - near, block.positive, false).masked_fill(~has_positive, 0);
    const auto push = detail::masked_logsumexp(far - block.values, block.negative, false).masked_fill(~has_negative, 0);
    return std::vector<Elements>{{(pull + push).relu(), all ? torch::Tensor() : has_positive & has_negative}};
  };
  return pairwise_loss(comparison, tuples, pairs, {}, function);
}

torch::Tensor LiftedLoss::structured(const Comparison& comparison, const Tuples& tuples) const {
  // An anchor without negatives has a sum of almost nothing rather than of nothing, whose logarithm has no gradient.
  constexpr double almost_nothing = -1e30;
  const auto pushes = detail::row_values(
      comparison, tuples, {.distance = options_.distance}, [far = options_.negative_margin](const PairBlock& block) {
        return detail::masked_logsumexp(far - block.values, block.negative, false).clamp_min(almost_nothing);
      });
  const auto function = [near = options_.positive_margin](const PairBlock& block, const std::vector<torch::Tensor>& parameters) {
    const auto& of_positive = parameters[0];
    const auto of_anchor = of_positive.narrow(0, block.first, block.values.size(0));
    const auto both = torch::logaddexp(of_anchor.unsqueeze(1), of_positive.unsqueeze(0));
    return std::vector<Elements>{{(both + block.values - near).relu().square() / 2,
                                  detail::restrict_to(block.positive, ~(both.detach() < almost_nothing / 2))}};
  };
  return pairwise_loss(comparison, tuples, {.distance = options_.distance, .reducer = options_.reducer}, {pushes}, function);
}

torch::Tensor LiftedLoss::by_dimensions(const Comparison& comparison, const Tuples& tuples) const {
  constexpr double offset = 1e-6;     // of torch's PairwiseDistance
  constexpr double shortest = 1e-30;  // below it a root has no gradient
  const auto &x = comparison.embeddings, &r = comparison.reference_embeddings();
  const auto [anchors, positives] = detail::positive_pairs(comparison, tuples);
  const auto relation = detail::relation_rows(comparison, tuples, 0, comparison.size());
  const auto shifted = x + offset;
  // Positives from the differences themselves, negatives from the sums of which their squares consist.
  const auto differences = shifted.index_select(0, anchors) - r.index_select(0, positives);
  const auto near = torch::zeros_like(x).index_add(0, anchors, differences.square());
  const auto negative = (relation.negative != 0).to(x.scalar_type());
  const auto far = shifted.square() * negative.sum(1, true) - 2 * shifted * negative.mm(r) + negative.mm(r.square());
  const auto length = [](const torch::Tensor& squares) { return squares.clamp_min(shortest).sqrt(); };
  const auto losses = (length(near).logsumexp(1) + (options_.negative_margin - length(far)).logsumexp(1)).relu();
  const auto counted = detail::any_of(relation.positive) & detail::any_of(relation.negative);
  return reduce({{losses, counted}}, comparison.labels, comparison.size(), options_.reducer);
}

}  // namespace diva::inline v0_1
