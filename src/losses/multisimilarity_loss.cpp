#include <diva/losses/multisimilarity_loss.hpp>
#include <diva/losses/pairwise.hpp>

#include "fused_pairs.hpp"
#include "rows.hpp"

#include <cmath>
#include <limits>

namespace diva::inline v0_1 {
namespace {

struct MultiSimilarityKernel {
  static constexpr int groups = 1;
  double positive_weight, negative_weight, threshold, margin;
  bool mine, all;

  template <class L>
  DIVA_INLINE void row(detail::FusedRow<typename L::Number>& row) const {
    using T = typename L::Number;
    using Vector = typename L::Vector;
    const auto hardest = detail::extremes_of<L>(row);
    // The largest exponents, or 0, the term of 1.
    const double shift_positive = largest_exponent(-positive_weight, static_cast<double>(hardest.smallest_positive)),
                 shift_negative = largest_exponent(negative_weight, static_cast<double>(hardest.largest_negative));
    const T alpha = static_cast<T>(-positive_weight), beta = static_cast<T>(negative_weight), level = static_cast<T>(threshold);
    const T down_positive = static_cast<T>(shift_positive), down_negative = static_cast<T>(shift_negative);
    const T slack = static_cast<T>(margin);
    Vector pulled = {}, pushed = {}, pulls = {}, pushes = {};
    for (std::int64_t j = 0; j < row.size; j += L::count) {
      const Vector s = L::load(row.values + j), relation = L::load(row.relation + j);
      typename L::Mask positive = relation > T(0), negative = relation < T(0);
      if (mine) {
        // Not beyond, rather than within: NaN is kept and passes on.
        positive &= ~(s - slack >= hardest.largest_negative);
        negative &= ~(s + slack <= hardest.smallest_positive);
      }
      const Vector exponent = (s - level) * L::where(positive, L::all(alpha), L::all(beta)) -
                              L::where(positive, L::all(down_positive), L::all(down_negative));
      const Vector term = L::exp(L::where(positive | negative, exponent));
      const Vector pull = L::where(positive, term), push = L::where(negative, term);
      pulled += pull;
      pushed += push;
      pulls += L::where(positive, L::all(1));
      pushes += L::where(negative, L::all(1));
      L::store(row.slopes + j, push - pull);
    }
    const double positives = L::sum(pulls), negatives = L::sum(pushes);
    if (!all && (positives == 0 || negatives == 0)) return row.leave_out();
    const double near = L::sum(pulled) + std::exp(-shift_positive), far = L::sum(pushed) + std::exp(-shift_negative);
    const double loss = (positives > 0 ? (std::log(near) + shift_positive) / positive_weight : 0) +
                        (negatives > 0 ? (std::log(far) + shift_negative) / negative_weight : 0);
    row.set_loss(loss);
    const T by_near = static_cast<T>(1 / near), by_far = static_cast<T>(1 / far);
    for (std::int64_t j = 0; j < row.size; j += L::count) {
      const Vector slope = L::load(row.slopes + j);
      L::store(row.slopes + j, slope * L::where(L::load(row.relation + j) > T(0), L::all(by_near), L::all(by_far)));
    }
  }

  // Of the hardest pair, ±∞ where there is none.
  [[nodiscard]] double largest_exponent(double weight, double value) const {
    const double exponent = weight * (value - threshold);
    return exponent > 0 ? exponent : 0;
  }
};

}  // namespace

MultiSimilarityLoss::MultiSimilarityLoss(const MultiSimilarityLossOptions& options) : options_(options) {
  validate_fields("MultiSimilarityLoss", options);
}

torch::Tensor MultiSimilarityLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const PairwiseOptions pairs = {.distance = options_.distance, .similarities = true, .reducer = options_.reducer};
  const double threshold = detail::as_similarity(options_.threshold, options_.distance.kind);
  const bool all = options_.variant == Variant::paper || options_.variant == Variant::pml;
  const MultiSimilarityKernel kernel = {
      options_.positive_weight, options_.negative_weight, threshold, options_.margin, options_.mine, all};
  if (auto loss = detail::fused_pairs(comparison, tuples, pairs, kernel); loss.defined()) return loss;

  const auto function = [options = options_, threshold, all](const PairBlock& block, const std::vector<torch::Tensor>&) {
    auto positive = block.positive, negative = block.negative;
    if (options.mine) {
      constexpr double infinity = std::numeric_limits<double>::infinity();
      const auto values = block.values.detach();
      const auto hardest_positive = values.masked_fill(positive == 0, infinity).amin(1, true);
      const auto hardest_negative = values.masked_fill(negative == 0, -infinity).amax(1, true);
      // Not beyond, rather than within: NaN is kept and passes on.
      negative = detail::restrict_to(negative, ~(values + options.margin <= hardest_positive));
      positive = detail::restrict_to(positive, ~(values - options.margin >= hardest_negative));
    }
    const auto excess = block.values - threshold;
    const auto pull = detail::masked_logsumexp(excess * -options.positive_weight, positive, true) / options.positive_weight;
    const auto push = detail::masked_logsumexp(excess * options.negative_weight, negative, true) / options.negative_weight;
    return std::vector<Elements>{{pull + push, all ? torch::Tensor() : detail::any_of(positive) & detail::any_of(negative)}};
  };
  return pairwise_loss(comparison, tuples, pairs, {}, function);
}

}  // namespace diva::inline v0_1
