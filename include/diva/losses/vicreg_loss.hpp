#pragma once

#include <diva/core/options.hpp>
#include <diva/losses/loss.hpp>

namespace diva::inline v0_1 {

struct VicregLossOptions {
  double invariance = 25;  ///< λ: weight of the distance between the two views; ≥ 0.
  double variance = 25;    ///< μ: weight of the spread of each dimension; ≥ 0.
  double covariance = 1;   ///< ν: weight of the correlation between dimensions; ≥ 0.
  double epsilon = 1e-4;   ///< Added to variances before the root; > 0.
  /// `paper`: the variance terms of the two views are added, not averaged.
  Variant variant = Variant::fixed;
};

template <class Visitor>
void describe(VicregLossOptions& options, Visitor&& visit) {
  visit("invariance", options.invariance, "λ: weight of the distance between the two views", non_negative);
  visit("variance", options.variance, "μ: weight of the spread of each dimension", non_negative);
  visit("covariance", options.covariance, "ν: weight of the correlation between dimensions", non_negative);
  visit("epsilon", options.epsilon, "added to variances before the root", positive);
  visit("variant", options.variant, "paper: variance terms of the views are added, not averaged", any_value);
}

/// Two views of each sample together, every dimension spread over the batch, dimensions uncorrelated: no negatives needed.
///
///   L = λ mean (z − z′)² + μ/2 [v(z) + v(z′)] + ν [c(z) + c(z′)],
///   v(z) = mean_d ( 1 − √(var z_d + ε) )₊,   c(z) = 1/D Σ_(i≠j) cov(z)²_ij
///
/// Source:  Bardes et al., VICReg, ICLR 2022, eq. 1 to 6; arXiv 2105.04906. Reference code: facebookresearch/vicreg,
///          main_vicreg.py; pytorch-metric-learning 2.8.1, VICRegLoss.
/// Differs: both codes halve the variance terms where the paper does not; the published weights are the codes', so we do too (see
///          `variant`).
/// Shapes:  embeddings [B, D]: the first view; reference [B, D]: the second, row by row; without one the first is both. Labels are
///          not read and may be undefined -> scalar.
/// Edge:    fewer than two samples have no variance: only the first term is left, and 0 of nothing.
/// Cost:    O(B·D²) time, O(D²) memory. Gradient reaches embeddings and reference.
/// Throws:  OptionError when tuples are given, ShapeError for a reference of another size.
class VicregLoss final : public Loss {
 public:
  explicit VicregLoss(const VicregLossOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "vicreg"; }
  [[nodiscard]] bool takes_tuples() const override { return false; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;
  [[nodiscard]] bool needs_labels() const override { return false; }

  VicregLossOptions options_;
};

}  // namespace diva::inline v0_1
