#include <diva/core/checks.hpp>
#include <diva/core/normalize.hpp>
#include <diva/losses/instance_loss.hpp>
#include <diva/losses/pairwise.hpp>

#include <cmath>
#include <limits>

#include "fused_pairs.hpp"
#include "fused_proxies.hpp"

namespace diva::inline v0_1 {
namespace {

// log(1 + N/P) of sums P and N of exp(γ s) over positives and negatives; itself among the positives where the reference is the
// batch, with a product of 1 that does not move.
struct InstanceRow {
  static constexpr int groups = 1;
  double scale;
  bool itself;

  template <class L>
  DIVA_INLINE void row(detail::FusedRow<typename L::Number>& row) const {
    using T = typename L::Number;
    const T gamma = static_cast<T>(scale), nothing = -std::numeric_limits<T>::infinity();
    auto near = L::all(nothing), far = L::all(nothing);
    for (std::int64_t j = 0; j < row.size; j += L::count) {
      const auto z = L::load(row.values + j) * gamma, relation = L::load(row.relation + j);
      near = L::where((relation > T(0)) & (z > near), z, near);
      far = L::where((relation < T(0)) & (z > far), z, far);
    }
    const T own = itself ? row.values[row.row] * gamma : nothing;
    T top = L::largest(near), other = L::largest(far);
    if (own > top) top = own;
    if (row.positive_count == 0 && !itself) return row.leave_out();
    if (row.negative_count == 0) other = T(0);
    if (!(top > nothing)) top = T(0);  // all are NaN
    if (!(other > nothing)) other = T(0);
    typename L::Vector positives = {}, negatives = {};
    for (std::int64_t j = 0; j < row.size; j += L::count) {
      const auto relation = L::load(row.relation + j);
      const typename L::Mask positive = relation > T(0), negative = relation < T(0);
      const auto power =
          L::where(positive | negative, L::exp(L::load(row.values + j) * gamma - L::where(positive, L::all(top), L::all(other))));
      positives += L::where(positive, power);
      negatives += L::where(negative, power);
      L::store(row.slopes + j, power);
    }
    const double p = L::sum(positives) + (itself ? std::exp(static_cast<double>(own) - static_cast<double>(top)) : 0),
                 n = L::sum(negatives);
    const double excess = static_cast<double>(other) - static_cast<double>(top) + std::log(n) - std::log(p);
    row.set_loss(excess > 0 ? excess + std::log1p(std::exp(-excess)) : std::log1p(std::exp(excess)));
    const double share = scale / (1 + std::exp(-excess));
    const T pull = static_cast<T>(-share / p), push = static_cast<T>(n > 0 ? share / n : 0);
    for (std::int64_t j = 0; j < row.size; j += L::count) {
      const auto factor = L::where(L::load(row.relation + j) > T(0), L::all(pull), L::all(push));
      L::store(row.slopes + j, L::load(row.slopes + j) * factor);
    }
  }
};

torch::Tensor with_itself(const torch::Tensor& rows, std::int64_t first) {
  auto marked = rows.clone();
  marked.narrow(1, first, rows.size(0)).diagonal().fill_(1);
  return marked;
}

}  // namespace

InstanceLoss::InstanceLoss(const InstanceLossOptions& options) : options_(options) { validate_fields("InstanceLoss", options); }

torch::Tensor InstanceLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  if (options_.variant != Variant::pml) {
    auto fused = detail::fused_pairs(comparison, tuples,
                                     {.distance = {.kind = Distance::cosine}, .similarities = true, .reducer = options_.reducer},
                                     InstanceRow{options_.scale, !comparison.reference});
    if (fused.defined()) return fused;
  }
  auto unit = comparison;
  unit.embeddings = l2_normalize(comparison.embeddings);
  if (unit.reference) unit.reference->embeddings = l2_normalize(comparison.reference->embeddings);
  const PairwiseOptions options{.distance = {.kind = Distance::dot}, .similarities = true, .reducer = options_.reducer};
  if (options_.variant == Variant::pml) {
    if (!std::holds_alternative<std::monostate>(tuples))
      detail::fail<OptionError>("instance loss", "tuples", "none with variant pml", "some");
    const auto ranks = std::get<1>(torch::_unique2(comparison.labels, true, true));
    auto fused = detail::fused_proxies({.embeddings = comparison.embeddings, .rows = comparison.reference_embeddings().alias()},
                                       {ranks, comparison.labels}, options_.reducer,
                                       detail::SoftmaxKernel<detail::NoMargin>{options_.scale});
    if (fused.defined()) return fused;
    return pairwise_loss(
        unit, {}, options, {}, [scale = options_.scale, ranks](const PairBlock& block, const std::vector<torch::Tensor>&) {
          const auto own = ranks.narrow(0, block.first, block.values.size(0));
          return std::vector<Elements>{{torch::cross_entropy_loss(block.values * scale, own, {}, at::Reduction::None)}};
        });
  }
  return pairwise_loss(
      unit, tuples, options, {},
      [scale = options_.scale, itself = !comparison.reference](const PairBlock& block, const std::vector<torch::Tensor>&) {
        const auto positive = itself ? with_itself(block.positive, block.first) : block.positive;
        const auto logits = block.values * scale;
        // −log(P/(P + N)) = log(1 + N/P), which keeps the digits of small losses. Above 40 torch's softplus is x itself.
        const auto excess =
            detail::masked_logsumexp(logits, block.negative, false) - detail::masked_logsumexp(logits, positive, false);
        return std::vector<Elements>{{torch::softplus(excess, 1, 40), detail::any_of(positive)}};
      });
}

}  // namespace diva::inline v0_1
