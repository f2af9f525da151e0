#include <diva/losses/pairwise.hpp>
#include <diva/losses/ranked_list_loss.hpp>

#include "fused_pairs.hpp"

#include <cmath>
#include <limits>

namespace diva::inline v0_1 {
namespace {

// weighted_mean of the violations of both sides of one anchor.
struct RankedListKernel {
  static constexpr int groups = 1;
  double boundary, margin, positive_temperature, negative_temperature, balance;
  double extra;  // added to each sum of weights
  bool apart;    // negatives at distance 0 are left out

  template <class L>
  DIVA_INLINE void row(detail::FusedRow<typename L::Number>& row) const {
    if (row.positive_count + row.negative_count == 0) return row.leave_out();
    using T = typename L::Number;
    using Vector = typename L::Vector;
    using Mask = typename L::Mask;
    const auto extremes = detail::extremes_of<L>(row);
    const T inner = static_cast<T>(boundary - margin), outer = static_cast<T>(boundary);
    const T by_far = static_cast<T>(positive_temperature), by_near = static_cast<T>(negative_temperature);
    // Violations of a positive grow with its distance, of a negative shrink; less than 0 if none is violated.
    const T worst_far = extremes.largest_positive - inner, worst_near = outer - extremes.smallest_negative;
    Vector far_weights = {}, far_sums = {}, near_weights = {}, near_sums = {};
    for (std::int64_t j = 0; j < row.size; j += L::count) {
      const Vector v = L::load(row.values + j), relation = L::load(row.relation + j);
      const Vector outside = v - inner, inside = outer - v;
      // Not "> 0", so that NaN is among them and passes on.
      const Mask far = (relation > T(0)) & ~(outside <= T(0));
      Mask near = (relation < T(0)) & ~(inside <= T(0));
      if (apart) near &= v != T(0);
      const Vector exponent = L::where(far, (outside - worst_far) * by_far, (inside - worst_near) * by_near);
      const Vector weight = L::where(far | near, L::exp(L::where(far | near, exponent)));
      far_weights += L::where(far, weight);
      near_weights += L::where(near, weight);
      far_sums += L::where(far, weight * outside);
      near_sums += L::where(near, weight * inside);
      L::store(row.slopes + j, weight);
    }
    const auto [pulled, pull] =
        mean_of(L::sum(far_sums), L::sum(far_weights), positive_temperature, static_cast<double>(worst_far));
    const auto [pushed, push] =
        mean_of(L::sum(near_sums), L::sum(near_weights), negative_temperature, static_cast<double>(worst_near));
    row.set_loss((1 - balance) * pulled + balance * pushed);
    // The slope of Σ w v / Σ w by v is w (1 + T (v − Σ w v / Σ w)) / Σ w.
    const auto far_mean = L::all(static_cast<T>(pulled)), near_mean = L::all(static_cast<T>(pushed));
    const auto far_share = L::all(static_cast<T>((1 - balance) * pull)), near_share = L::all(static_cast<T>(-balance * push));
    for (std::int64_t j = 0; j < row.size; j += L::count) {
      const Vector v = L::load(row.values + j), weight = L::load(row.slopes + j);
      const Mask positive = L::load(row.relation + j) > T(0);
      const Vector ahead = L::where(positive, ((v - inner) - far_mean) * by_far, ((outer - v) - near_mean) * by_near);
      // A weight of 0 may stand beside a distance that is not finite.
      L::store(row.slopes + j, L::where(weight != T(0), weight * L::where(positive, far_share, near_share) * (ahead + T(1))));
    }
  }

  // The mean, and what each weight is divided by, inverse.
  [[nodiscard]] std::pair<double, double> mean_of(double sum, double weights, double temperature, double worst) const {
    const double total = weights + (extra > 0 ? extra * std::exp(worst > 0 ? -temperature * worst : 0) : 0);
    return total == 0 ? std::pair(0.0, 0.0) : std::pair(sum / total, 1 / total);
  }
};

// Σ w v / (Σ w + extra) over the selected violations v of each row, w = exp(T v) times the relation's weights; 0 where there is
// none.
torch::Tensor weighted_mean(const torch::Tensor& violations, const torch::Tensor& selected, const torch::Tensor& relation,
                            double temperature, double extra) {
  constexpr double nothing = -std::numeric_limits<double>::infinity();
  const auto exponents = (temperature * violations).masked_fill(~selected, nothing);
  const auto largest = exponents.detach().amax(1, true);
  const auto shift = largest.masked_fill(largest == nothing, 0);
  auto weights = (exponents - shift).exp();
  if (relation.scalar_type() != torch::kBool) weights = weights * relation.to(weights.scalar_type());
  const auto total = weights.sum(1) + extra * (-shift).exp().squeeze(1);
  return (weights * violations.masked_fill(~selected, 0)).sum(1) / total.masked_fill(total == 0, 1);
}

}  // namespace

RankedListLoss::RankedListLoss(const RankedListLossOptions& options) : options_(options) {
  validate_fields("RankedListLoss", options);
}

torch::Tensor RankedListLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const PairwiseOptions pairs = {.distance = options_.distance, .reducer = options_.reducer};
  const bool diluted = options_.variant == Variant::pml;
  const RankedListKernel kernel = {.boundary = options_.boundary,
                                   .margin = options_.margin,
                                   .positive_temperature = options_.positive_temperature,
                                   .negative_temperature = options_.negative_temperature,
                                   .balance = options_.balance,
                                   .extra = diluted ? 1e-5 * static_cast<double>(comparison.reference_size()) : 0,
                                   .apart = diluted};
  if (auto loss = detail::fused_pairs(comparison, tuples, pairs, kernel); loss.defined()) return loss;
  return pairwise_loss(
      comparison, tuples, pairs, {}, [options = options_](const PairBlock& block, const std::vector<torch::Tensor>&) {
        const bool pml = options.variant == Variant::pml;
        const double extra = pml ? 1e-5 * static_cast<double>(block.values.size(1)) : 0;
        const auto outside = block.values - (options.boundary - options.margin), inside = options.boundary - block.values;
        // Not "> 0", so that NaN is among them and passes on.
        const auto far = (block.positive != 0) & ~(outside <= 0);
        auto near = (block.negative != 0) & ~(inside <= 0);
        if (pml) near = near & (block.values != 0);
        const auto pulled = weighted_mean(outside, far, block.positive, options.positive_temperature, extra);
        const auto pushed = weighted_mean(inside, near, block.negative, options.negative_temperature, extra);
        return std::vector<Elements>{{(1 - options.balance) * pulled + options.balance * pushed,
                                      detail::any_of(block.positive) | detail::any_of(block.negative)}};
      });
}

}  // namespace diva::inline v0_1
