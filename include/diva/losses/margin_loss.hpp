#pragma once

#include <diva/core/options.hpp>
#include <diva/losses/loss.hpp>

namespace diva {

/// Options of MarginLoss. Distances are Euclidean between L2-normalised embeddings, so they lie in [0, 2].
struct MarginLossOptions {
  double boundary = 1.2;       ///< β: initial distance at which positives end and negatives begin; in (0, 2).
  double margin = 0.2;         ///< α: half width of the corridor around β; ≥ 0.
  bool learn_boundary = true;  ///< One β a class, trained with `boundary_learning_rate`; otherwise one constant for all.
  double boundary_learning_rate =
      5e-4;                     ///< The seed's `--loss_margin_beta_lr`; β moves in units of distance, so faster than weights.
  double boundary_penalty = 0;  ///< ν: weight of Σβ, which keeps β from growing; ≥ 0.
  /// `fixed`: divide by the number of active pairs, as the paper's code; `repo`: by the number of triplets with an active pair.
  Variant counting = Variant::fixed;
};

template <class Visitor>
void describe(MarginLossOptions& options, Visitor&& visit) {
  visit("boundary", options.boundary, "β: distance at which positives end and negatives begin",
        Bounds{.lower = 0, .upper = 2, .lower_open = true, .upper_open = true});
  visit("margin", options.margin, "α: half width of the corridor around β", non_negative);
  visit("learn_boundary", options.learn_boundary, "one learned β a class, or one constant", any_value);
  visit("boundary_learning_rate", options.boundary_learning_rate, "learning rate of β", non_negative);
  visit("boundary_penalty", options.boundary_penalty, "ν: weight of the sum of β", non_negative);
  visit("counting", options.counting, "fixed: divide by active pairs; repo: by triplets with an active pair", any_value);
}

/// Pulls positives inside, pushes negatives outside, a learnable boundary for each class.
///
///   L = 1/n Σ_(a,p,n) [ (D_ap − β_y(a) + α)₊ + (β_y(a) − D_an + α)₊ ] + ν Σ_c β_c,   n = number of active pairs,
///   D_ij = √(‖x_i − x_j‖² + 1e-8)
///
/// The 1e-8, from the reference, keeps the gradient finite for equal embeddings and moves no distance by more than 1e-4.
///
/// Source:  Wu et al., Sampling Matters in Deep Embedding Learning, ICCV 2017, eq. 4; arXiv 1706.07567.
/// Differs: the DiVA and Revisiting codes count triplets where their text says pairs (`counting = Variant::repo` does the same),
/// and
///          fail for ν ≠ 0.
/// Shapes:  embeddings [B, D]; labels [B] int64 in [0, num_classes); triplets -> scalar.
/// Edge:    no active pair: νΣβ. Limit: α = 0 and D_ap < β < D_an for all: 0.
/// Cost:    O(T·D) time and memory. Gradient reaches embeddings and β.
/// Throws:  OptionError (range, pairs given), ShapeError (sizes), DataError (label out of range).
class MarginLoss final : public Loss {
 public:
  /// `num_classes` bounds the labels; 0 is allowed with a constant boundary, and then labels are free.
  explicit MarginLoss(const MarginLossOptions& options = {.learn_boundary = false}, std::int64_t num_classes = 0);

  [[nodiscard]] std::string_view name() const override { return "margin"; }
  [[nodiscard]] std::optional<double> learning_rate() const override { return options_.boundary_learning_rate; }
  [[nodiscard]] std::vector<NamedTensor> named_parameters() const override;

 private:
  [[nodiscard]] torch::Tensor compute(const torch::Tensor& embeddings, const torch::Tensor& labels,
                                      const Tuples& tuples) const override;
  [[nodiscard]] std::int64_t num_classes() const override { return num_classes_ > 0 ? num_classes_ : -1; }

  MarginLossOptions options_;
  std::int64_t num_classes_;
  torch::Tensor boundary_;  // [num_classes] when learned, otherwise undefined
};

}  // namespace diva
