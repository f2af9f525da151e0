#include <diva/losses/intra_pair_variance_loss.hpp>
#include <diva/losses/pairwise.hpp>

#include "fused_pairs.hpp"
#include "rows.hpp"

#include <algorithm>

namespace diva::inline v0_1 {
namespace {

// The means first, then how the loss moves with them, then the slopes, which hold both.
struct IntraPairVarianceKernel {
  static constexpr int groups = 2, passes = 3;
  double near, far;            // shares of the means from which pairs count
  double limits[2] = {0, 0};   // those shares of them
  double by_mean[2] = {0, 0};  // what a mean adds to the slope of each of its pairs

  template <class L>
  DIVA_INLINE void row(detail::FusedRow<typename L::Number>& row, int pass) const {
    using T = typename L::Number;
    using Vector = typename L::Vector;
    using Mask = typename L::Mask;
    const T lower = static_cast<T>(limits[0]), upper = static_cast<T>(limits[1]);
    const auto of_positive = L::all(static_cast<T>(by_mean[0])), of_negative = L::all(static_cast<T>(by_mean[1]));
    Vector pulled = {}, pushed = {}, pulls = {}, pushes = {};
    for (std::int64_t j = 0; j < row.size; j += L::count) {
      const Vector s = L::load(row.values + j), relation = L::load(row.relation + j);
      const Mask positive = relation > T(0), negative = relation < T(0);
      if (pass == 0) {
        pulled += L::where(positive, s);
        pushed += L::where(negative, s);
        continue;
      }
      // Not "> 0", so that NaN is among them and passes on.
      const Vector below = L::where(positive & ~(s >= lower), lower - s), above = L::where(negative & ~(s <= upper), s - upper);
      pulled += pass == 1 ? below : below * below;
      pushed += pass == 1 ? above : above * above;
      pulls += L::where(below > T(0), L::all(1));
      pushes += L::where(above > T(0), L::all(1));
      L::store(row.slopes + j, T(2) * (above - below) + L::where(positive, of_positive) + L::where(negative, of_negative));
    }
    row.sum[0] = L::sum(pulled);
    row.sum[1] = L::sum(pushed);
    row.number[0] = static_cast<double>(row.positive_count);
    row.number[1] = static_cast<double>(row.negative_count);
    row.active[0] = L::sum(pulls);
    row.active[1] = L::sum(pushes);
  }

  void finish_pass(int pass, const detail::FusedTotals& totals) {
    for (int g = 0; g < 2; ++g) {
      const double mean = totals.sum[g] / std::max(totals.number[g], 1.0), share = g == 0 ? near : far;
      if (pass == 0) {
        limits[g] = mean * share;
      } else {
        by_mean[g] = (g == 0 ? 2 : -2) * share * mean;
      }
    }
  }
};

// Whether all slopes of a group are divided by the same number.
bool alike(Reduction kind) { return kind != Reduction::per_anchor && kind != Reduction::class_weighted; }

}  // namespace

IntraPairVarianceLoss::IntraPairVarianceLoss(const IntraPairVarianceLossOptions& options) : options_(options) {
  validate_fields("IntraPairVarianceLoss", options);
}

torch::Tensor IntraPairVarianceLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  // Similarities of distances are negative: worse by a share of the mean is then farther from 0.
  const double sign = detail::is_similarity(options_.distance.kind) ? 1 : -1;
  const double near = 1 - sign * options_.positive_slack, far = 1 + sign * options_.negative_slack;
  const PairwiseOptions options = {.distance = options_.distance, .similarities = true, .reducer = options_.reducer};
  if (alike(options_.reducer.kind)) {
    const IntraPairVarianceKernel kernel = {.near = near, .far = far};
    if (auto loss = detail::fused_pairs(comparison, tuples, options, kernel); loss.defined()) return loss;
  }

  const auto mean = [&](torch::Tensor PairBlock::*mask) {
    return pairwise_loss(comparison, tuples, {.distance = options_.distance, .similarities = true}, {},
                         [mask](const PairBlock& block, const std::vector<torch::Tensor>&) {
                           return std::vector<Elements>{{block.values, block.*mask}};
                         });
  };
  const auto positive_mean = mean(&PairBlock::positive), negative_mean = mean(&PairBlock::negative);
  const auto function = [near, far](const PairBlock& block, const std::vector<torch::Tensor>& means) {
    return std::vector<Elements>{{(means[0] * near - block.values).relu().square(), block.positive},
                                 {(block.values - means[1] * far).relu().square(), block.negative}};
  };
  return pairwise_loss(comparison, tuples, options, {positive_mean, negative_mean}, function);
}

}  // namespace diva::inline v0_1
