#pragma once

#include "fused_pairs.hpp"

#include <cmath>
#include <limits>
#include <utility>

/// Kernels that several criteria share, and their parts.
namespace diva::inline v0_1::detail {

/// One side of a row in sums of exponentials: exp(weight · (v − hardest)), hardest its value of the largest exponent.
template <class T>
struct ExponentSide {
  T weight;
  T hardest;  ///< ±∞ where there is none
};

/// Of all positives, or negatives, by a weight of either sign.
template <class L>
DIVA_INLINE ExponentSide<typename L::Number> positive_side(const Extremes<L>& extremes, double weight) {
  return {static_cast<typename L::Number>(weight), weight > 0 ? extremes.largest_positive : extremes.smallest_positive};
}
template <class L>
DIVA_INLINE ExponentSide<typename L::Number> negative_side(const Extremes<L>& extremes, double weight) {
  return {static_cast<typename L::Number>(weight), weight > 0 ? extremes.largest_negative : extremes.smallest_negative};
}

/// Σ exp(weight (v − hardest)) of each side, and log Σ exp(weight v) of each: −∞ where there is none.
struct ExponentSums {
  double positive, negative, log_positive, log_negative;
};

/// Their terms are stored as slopes.
template <class L>
DIVA_INLINE ExponentSums sum_exponentials(FusedRow<typename L::Number>& row, const ExponentSide<typename L::Number>& positives,
                                          const ExponentSide<typename L::Number>& negatives) {
  using T = typename L::Number;
  using Vector = typename L::Vector;
  Vector pulled = {}, pushed = {};
  for (std::int64_t j = 0; j < row.size; j += L::count) {
    const Vector v = L::load(row.values + j), relation = L::load(row.relation + j);
    const typename L::Mask positive = relation > T(0), negative = relation < T(0);
    const Vector exponent =
        L::where(positive, (v - positives.hardest) * positives.weight, (v - negatives.hardest) * negatives.weight);
    const Vector term = L::where(positive | negative, L::exp(L::where(positive | negative, exponent)));
    pulled += L::where(positive, term);
    pushed += L::where(negative, term);
    L::store(row.slopes + j, term);
  }
  ExponentSums sums = {L::sum(pulled), L::sum(pushed), 0, 0};
  constexpr double nothing = -std::numeric_limits<double>::infinity();
  const auto logarithm = [](double sum, const ExponentSide<T>& side) {
    return std::log(sum) + static_cast<double>(side.weight) * static_cast<double>(side.hardest);
  };
  // The hardest of nothing but NaN is infinite too, but the sum then is NaN.
  sums.log_positive = row.positive_count == 0 ? nothing : logarithm(sums.positive, positives);
  sums.log_negative = row.negative_count == 0 ? nothing : logarithm(sums.negative, negatives);
  return sums;
}

/// slopes ← slopes · positive or negative, by side, and then + `more` for positives.
template <class L>
DIVA_INLINE void multiply_sides(FusedRow<typename L::Number>& row, double positive, double negative, double more = 0) {
  using T = typename L::Number;
  const auto of_positive = L::all(static_cast<T>(positive)), of_negative = L::all(static_cast<T>(negative));
  const auto added = L::all(static_cast<T>(more));
  for (std::int64_t j = 0; j < row.size; j += L::count) {
    const typename L::Mask is_positive = L::load(row.relation + j) > T(0);
    L::store(row.slopes + j,
             L::load(row.slopes + j) * L::where(is_positive, of_positive, of_negative) + L::where(is_positive, added));
  }
}

/// log(e^a + e^b), also of −∞.
inline double log_of_both(double a, double b) {
  const double larger = a > b ? a : b, smaller = a > b ? b : a;  // NaN becomes either
  if (larger == -std::numeric_limits<double>::infinity() && smaller == larger) return larger;
  return larger + std::log1p(std::exp(smaller - larger));
}

/// log(1 + eˣ) and its slope.
inline std::pair<double, double> softplus(double x) {
  const double power = std::exp(-std::abs(x)), near = 1 / (1 + power);
  return {(x > 0 ? x : 0) + std::log1p(power), x > 0 ? near : power * near};
}

/// Each pair for itself:  w⁺ (v − m⁺)₊ of positives, w⁻ (m⁻ − v)₊ of negatives.
struct HingePairs {
  static constexpr int groups = 2;
  double positive_margin, negative_margin;
  double positive_weight = 1, negative_weight = 1;

  template <class L>
  DIVA_INLINE void row(FusedRow<typename L::Number>& row) const {
    using T = typename L::Number;
    using Vector = typename L::Vector;
    const T near = static_cast<T>(positive_margin), far = static_cast<T>(negative_margin);
    const T pull = static_cast<T>(positive_weight), push = static_cast<T>(negative_weight);
    Vector pulled = {}, pushed = {}, pulls = {}, pushes = {};
    for (std::int64_t j = 0; j < row.size; j += L::count) {
      const Vector v = L::load(row.values + j), relation = L::load(row.relation + j);
      const typename L::Mask positive = relation > T(0), negative = relation < T(0);
      // Not "> 0", so that NaN is among them and passes on.
      const typename L::Mask far_positive = positive & ~(v <= near), near_negative = negative & ~(v >= far);
      pulled += L::where(far_positive, v - near);
      pushed += L::where(near_negative, far - v);
      pulls += L::where(positive & (v > near), L::all(1));
      pushes += L::where(negative & (v < far), L::all(1));
      L::store(row.slopes + j, L::where(far_positive, L::all(pull)) - L::where(near_negative, L::all(push)));
    }
    row.sum[0] = positive_weight * L::sum(pulled);
    row.sum[1] = negative_weight * L::sum(pushed);
    row.number[0] = static_cast<double>(row.positive_count);
    row.number[1] = static_cast<double>(row.negative_count);
    row.active[0] = positive_weight > 0 ? L::sum(pulls) : 0;
    row.active[1] = negative_weight > 0 ? L::sum(pushes) : 0;
  }
};

/// The logit of a positive pair and its slope: `scale` times its value.
struct Scaled {
  double scale;
  [[nodiscard]] DIVA_INLINE std::pair<double, double> operator()(double value) const { return {scale * value, scale}; }
};

/// For each positive pair the cross entropy of its positive among the negatives of its anchor; see pair_cross_entropy.
///
///   l_ap = log(1 + exp(log Σ_n exp(scale v_an) − z_ap)),   z_ap = positive(v_ap)
template <class Positive = Scaled>
struct PairCrossEntropy {
  static constexpr int groups = 1;
  double scale;
  Positive positive;

  template <class L>
  DIVA_INLINE void row(FusedRow<typename L::Number>& row) const {
    if (row.positive_count == 0) return row.leave_out();
    using T = typename L::Number;
    const auto side = negative_side(extremes_of<L>(row), scale);
    const auto sums = sum_exponentials<L>(row, {T(0), T(0)}, side);
    double total = 0, share = 0, active = 0;
    const T* values = row.values;
    for (std::int64_t k = 0; k < row.positive_count; ++k) {
      const auto [logit, slope] = positive(static_cast<double>(values[row.positives[k]]));
      const auto [loss, chance] = softplus(sums.log_negative - logit);
      total += loss;
      share += chance;
      active += loss > 0;
    }
    row.sum[0] = total;
    row.number[0] = static_cast<double>(row.positive_count);
    row.active[0] = active;
    multiply_sides<L>(row, 0, row.negative_count == 0 ? 0 : scale * share / sums.negative);
    for (std::int64_t k = 0; k < row.positive_count; ++k) {
      const auto [logit, slope] = positive(static_cast<double>(values[row.positives[k]]));
      row.slopes[row.positives[k]] = static_cast<T>(-slope * softplus(sums.log_negative - logit).second);
    }
  }
};

/// For each anchor with a positive the chance that a softmax over the neighbours lands on one; see neighbour_cross_entropy.
struct NeighbourCrossEntropy {
  static constexpr int groups = 1;
  double scale;

  template <class L>
  DIVA_INLINE void row(FusedRow<typename L::Number>& row) const {
    if (row.positive_count == 0) return row.leave_out();
    const auto extremes = extremes_of<L>(row);
    const auto positives = positive_side(extremes, scale), negatives = negative_side(extremes, scale);
    const auto sums = sum_exponentials<L>(row, positives, negatives);
    const double all = log_of_both(sums.log_positive, sums.log_negative);
    row.set_loss(all - sums.log_positive);
    multiply_sides<L>(row, scale * (std::exp(sums.log_positive - all) - 1) / sums.positive,
                      row.negative_count == 0 ? 0 : scale * std::exp(sums.log_negative - all) / sums.negative);
  }
};

/// For each positive pair the cross entropy of its positive among all others, or the mean of these for each anchor.
struct CrossEntropyAmongAll {
  static constexpr int groups = 1;
  double scale;
  bool mean;

  template <class L>
  DIVA_INLINE void row(FusedRow<typename L::Number>& row) const {
    if (row.positive_count == 0) return row.leave_out();
    const auto extremes = extremes_of<L>(row);
    const auto sums = sum_exponentials<L>(row, positive_side(extremes, scale), negative_side(extremes, scale));
    const double all = log_of_both(sums.log_positive, sums.log_negative);
    double total = 0, active = 0;
    for (std::int64_t k = 0; k < row.positive_count; ++k) {
      const double loss = all - scale * static_cast<double>(row.values[row.positives[k]]);
      total += loss;
      active += loss > 0;
    }
    const auto number = static_cast<double>(row.positive_count);
    if (mean) {
      row.set_loss(total / number);
    } else {
      row.sum[0] = total;
      row.number[0] = number;
      row.active[0] = active;
    }
    const double each = scale * (mean ? 1 : number);
    multiply_sides<L>(row, each * std::exp(sums.log_positive - all) / sums.positive,
                      row.negative_count == 0 ? 0 : each * std::exp(sums.log_negative - all) / sums.negative,
                      mean ? -scale / number : -scale);
  }
};

}  // namespace diva::inline v0_1::detail
