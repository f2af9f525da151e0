#include <diva/losses/circle_loss.hpp>
#include <diva/losses/pairwise.hpp>

#include "fused_kernels.hpp"

namespace diva::inline v0_1 {
namespace {

struct CircleKernel {
  static constexpr int groups = 1;
  double margin, scale;

  template <class L>
  DIVA_INLINE void row(detail::FusedRow<typename L::Number>& row) const {
    if (row.positive_count == 0 || row.negative_count == 0) return row.leave_out();
    using T = typename L::Number;
    using Vector = typename L::Vector;
    using Mask = typename L::Mask;
    const T m = static_cast<T>(margin), gamma = static_cast<T>(scale), none = -std::numeric_limits<T>::infinity();
    // First the exponents with the largest of each side, then their terms.
    Vector most_pull = L::all(none), most_push = L::all(none);
    for (std::int64_t j = 0; j < row.size; j += L::count) {
      const Vector s = L::load(row.values + j), relation = L::load(row.relation + j);
      const Mask positive = relation > T(0), negative = relation < T(0);
      const Vector exponent = weight(s, positive, m, L{}) * (s - L::where(positive, L::all(1 - m), L::all(m))) * gamma;
      most_pull = L::where(positive & (exponent > most_pull), exponent, most_pull);
      most_push = L::where(negative & (exponent > most_push), exponent, most_push);
      L::store(row.slopes + j, exponent);
    }
    const T shift_pull = L::largest(most_pull), shift_push = L::largest(most_push);
    Vector pulled = {}, pushed = {};
    for (std::int64_t j = 0; j < row.size; j += L::count) {
      const Vector s = L::load(row.values + j), relation = L::load(row.relation + j);
      const Mask positive = relation > T(0), negative = relation < T(0);
      const Vector exponent = L::load(row.slopes + j) - L::where(positive, L::all(shift_pull), L::all(shift_push));
      const Vector term = L::exp(L::where(positive | negative, exponent));
      const Vector pull = L::where(positive, term), push = L::where(negative, term);
      pulled += pull;
      pushed += push;
      L::store(row.slopes + j, weight(s, positive, m, L{}) * (pull + push));
    }
    const double pull = L::sum(pulled), push = L::sum(pushed);
    const double both = std::log(pull) + static_cast<double>(shift_pull) + std::log(push) + static_cast<double>(shift_push);
    // torch's softplus is x itself above 20.
    const auto [loss, slope] = both > 20 ? std::pair(both, 1.0) : detail::softplus(both);
    row.set_loss(loss);
    detail::multiply_sides<L>(row, slope * scale / pull, slope * scale / push);
  }

  // −(1 + m − s)₊ of positives, (s + m)₊ of negatives: constants in the gradient.
  template <class L>
  DIVA_INLINE static typename L::Vector weight(typename L::Vector s, typename L::Mask positive, typename L::Number m, L) {
    const auto away = L::where(positive, 1 + m - s, s + m);
    const auto kept = L::where(away <= typename L::Number(0), typename L::Vector{}, away);
    return L::where(positive, -kept, kept);
  }
};

}  // namespace

CircleLoss::CircleLoss(const CircleLossOptions& options) : options_(options) { validate_fields("CircleLoss", options); }

torch::Tensor CircleLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const PairwiseOptions options = {.distance = {.kind = Distance::cosine}, .similarities = true, .reducer = options_.reducer};
  const CircleKernel kernel = {options_.margin, options_.scale};
  if (auto loss = detail::fused_pairs(comparison, tuples, options, kernel); loss.defined()) return loss;

  const auto function = [m = options_.margin, scale = options_.scale](const PairBlock& block, const std::vector<torch::Tensor>&) {
    const auto& s = block.values;
    const auto fixed = s.detach();
    const auto pull = detail::masked_logsumexp((1 + m - fixed).relu() * (s - (1 - m)) * -scale, block.positive, false);
    const auto push = detail::masked_logsumexp((fixed + m).relu() * (s - m) * scale, block.negative, false);
    const auto counted = detail::any_of(block.positive) & detail::any_of(block.negative);
    return std::vector<Elements>{{torch::softplus((pull + push).masked_fill(~counted, 0)), counted}};
  };
  return pairwise_loss(comparison, tuples, options, {}, function);
}

}  // namespace diva::inline v0_1
