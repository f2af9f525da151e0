#pragma once

#include <diva/core/options.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/reducer.hpp>

namespace diva::inline v0_1 {

/// How a positive is punished for the R negatives before it.
enum class PnpPenalty {
  linear,                ///< "O": R.
  increasing_unbounded,  ///< "Iu": (1 + R)·log(1 + R).
  increasing_bounded,    ///< "Ib": (b·R − log(1 + b·R)) / b², whose slope grows up to 1/b.
  decreasing_quotient,   ///< "Dq": 1 − (1 + R)^−α, whose slope falls: far positives, often outliers, are given up.
  decreasing_slow,       ///< "Ds": log(1 + R).
};

constexpr auto enumerators(PnpPenalty) {
  return std::array{std::pair{PnpPenalty::linear, "O"}, std::pair{PnpPenalty::increasing_unbounded, "Iu"},
                    std::pair{PnpPenalty::increasing_bounded, "Ib"}, std::pair{PnpPenalty::decreasing_quotient, "Dq"},
                    std::pair{PnpPenalty::decreasing_slow, "Ds"}};
}

struct PnpLossOptions {
  PnpPenalty penalty = PnpPenalty::linear;  ///< The paper's best is "Dq".
  double temperature = 0.01;                ///< τ of the sigmoid; > 0. The reference's `anneal`.
  double b = 2;                             ///< Of "Ib"; > 0.
  double alpha = 1;                         ///< Of "Dq"; > 0. The paper uses 4 for small data sets.
  /// `repo` and `pml`: the anchor itself, at similarity 1, is one of its positives.
  Variant variant = Variant::fixed;
  ReducerOptions reducer = {};  ///< Over anchors that have a positive.
};

template <class Visitor>
void describe(PnpLossOptions& options, Visitor&& visit) {
  visit("penalty", options.penalty, "how a positive is punished for the negatives before it", any_value);
  visit("temperature", options.temperature, "τ of the sigmoid that counts negatives", positive);
  visit("b", options.b, "of Ib: the slope grows up to 1/b", positive);
  visit("alpha", options.alpha, "of Dq: the exponent", positive);
  visit("variant", options.variant, "repo, pml: the anchor itself is one of its positives", any_value);
  visit("reducer", options.reducer, "over anchors that have a positive", any_value);
}

/// Penalises only negatives that stand before positives, and says how steeply.
///
///   L = reduce_a 1/N⁺ Σ_p f( R_ap ),   R_ap = Σ_n σ( (s_an − s_ap) / τ ),   s cosine
///
/// Source:  Li et al., Rethinking the Optimization of Average Precision: Only Penalizing Negative Instances before Positive Ones is
///          Enough, AAAI 2022; arXiv 2102.04640. pytorch-metric-learning 2.8.1, PNPLoss.
/// Differs: the reference codes count the anchor among its own positives, which adds a positive that is nearly always right and
///          lowers the loss by about N⁺/(N⁺ + 1); `variant` does the same.
/// Shapes:  embeddings [B, D]; labels [B] int64; tuples, a relation and a reference -> scalar.
/// Edge:    an anchor without a positive is left out; none has one: 0. Limit: all positives before all negatives: 0; all embeddings
///          equal: f(N⁻/2).
/// Cost:    O(P·R) time for P positive pairs; memory that of pairwise_loss. Gradient reaches embeddings and reference.
class PnpLoss final : public Loss {
 public:
  explicit PnpLoss(const PnpLossOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "pnp"; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;

  PnpLossOptions options_;
};

}  // namespace diva::inline v0_1
