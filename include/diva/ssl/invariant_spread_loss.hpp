#pragma once

#include <torch/types.h>
#include <diva/core/module.hpp>
#include <diva/core/options.hpp>

#include <string_view>

namespace diva::inline v0_1 {

struct InvariantSpreadOptions {
  double temperature = 0.1;  ///< τ; > 0. The seed's `--diva_instdiscr_temperature`.
  /// `fixed`: the gradient of the value; `repo`: the second factor of each product is held constant, as in the authors' code.
  Variant variant = Variant::fixed;
};

template <class Visitor>
void describe(InvariantSpreadOptions& options, Visitor&& visit) {
  visit("temperature", options.temperature, "τ, divides the similarities", positive);
  visit("variant", options.variant, "fixed: the gradient of the value; repo: of one factor of each product", any_value);
}

/// Each sample against all others of the batch: its two views together, other samples apart.
///
///   P_ij = exp(x_i·x_j/τ) / Σ_(k≠i) exp(x_i·x_k/τ),   i' = the other view of i
///   L = −1/(2B) Σ_i [ log P_ii' + Σ_(j≠i,i') log(1 − P_ij) ]
///
/// Source:  Ye et al., Unsupervised Embedding Learning via Invariant and Spreading Instance Feature, CVPR 2019, eq. 7;
///          arXiv 1904.03436. Reference: the seed's criteria/invariant_spread.py.
/// Differs: the reference subtracts the positive's log(1 − P_ii') from a sum that includes it, so it is NaN where P_ii' = 1, and −∞
///          where a negative has P_ij = 1 in float; here each term is computed from the sum of the other exponentials. In the
///          seed's training loop the second views replace half of the batch but not its labels (FIELD B3); this criterion sees no
///          labels.
class InvariantSpreadLoss : public Module {
 public:
  explicit InvariantSpreadLoss(const InvariantSpreadOptions& options = {});

  /// Shapes:  first, second [B, D]: the two views of each sample, L2-normalised, on one device -> scalar.
  /// Edge:    empty batch or B = 1: 0, with a gradient of zeros. Identical and opposite embeddings: finite value and gradient. NaN
  ///          passes on. Half and bfloat16 are computed in float32.
  /// Cost:    O(B²·D) time, O(B²) memory. Gradient reaches both views.
  /// Throws:  ShapeError.
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& first, const torch::Tensor& second) const;

  [[nodiscard]] std::string_view name() const { return "invariantspread"; }

 private:
  InvariantSpreadOptions options_;
};

}  // namespace diva::inline v0_1
