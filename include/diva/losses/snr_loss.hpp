#pragma once

#include <diva/core/options.hpp>
#include <diva/losses/loss.hpp>

namespace diva::inline v0_1 {

struct SnrLossOptions {
  double margin = 0.2;         ///< m: half width of the corridor around β, or the triplet margin; ≥ 0.
  double regularizer = 0.005;  ///< λ: weight of |Σ_d x_ad|, which keeps the mean of an embedding at 0, as the paper assumes; ≥ 0.
  double boundary = 0;         ///< β, one a class and learned; 0: none, the triplet form.
  double boundary_learning_rate = 5e-4;
  /// Of the form with β. `fixed`: divide by the number of active pairs; `repo`: of triplets with an active pair.
  Variant counting = Variant::fixed;
};

template <class Visitor>
void describe(SnrLossOptions& options, Visitor&& visit) {
  visit("margin", options.margin, "m: by how much a negative must be noisier than a positive", non_negative);
  visit("regularizer", options.regularizer, "weight of the absolute sum of an anchor's entries", non_negative);
  visit("boundary", options.boundary, "learned boundary a class; 0: none, the triplet form", non_negative);
  visit("boundary_learning_rate", options.boundary_learning_rate, "learning rate of the boundaries", non_negative);
  visit("counting", options.counting, "of the form with boundaries: fixed: by active pairs; repo: by triplets", any_value);
}

/// The triplet (or margin) loss of the ratio of noise to signal: the variance of a difference over that of the anchor.
///
///   L = 1/n Σ_(a,p,n) ( R_ap − R_an + m )₊ + λ mean_(a,p,n) |Σ_d x_ad|,   R_ij = var(x_i − x_j) / var(x_i),   n = active triplets
///   with β:  1/n Σ [ (R_ap − β_y(a) + m)₊ + (β_y(a) − R_an + m)₊ ],   n = active pairs
///
/// Source:  Yuan et al., Signal-to-Noise Ratio: A Robust Distance Metric for Deep Metric Learning, CVPR 2019, eq. 9; arXiv
///          1904.02616. Reference: the seed's criteria/snr.py. PML's SignalToNoiseRatioContrastiveLoss is ContrastiveLoss with the
///          distance snr.
/// Differs: the seed fails with β and divides 0 by 0 without an active triplet; it leaves out the regulariser when its miner is
///          `distance`, which here is the caller's choice.
/// Shapes:  embeddings [B, D]; labels [B] int64, in [0, num_classes) with β; triplets -> scalar.
/// Edge:    no triplet: 0; none active: the regulariser alone. An anchor of equal entries has no signal: its variance counts as
///          1e-12.
/// Cost:    given triplets: O(T·D); all of them: that of TripletLoss and MarginLoss. Gradient reaches embeddings and β.
/// Throws:  OptionError (range, pairs given, no class with β), DataError (label out of range).
class SnrLoss final : public Loss {
 public:
  explicit SnrLoss(const SnrLossOptions& options = {}, std::int64_t num_classes = 0);
  [[nodiscard]] std::string_view name() const override { return "snr"; }
  [[nodiscard]] std::optional<double> learning_rate() const override { return options_.boundary_learning_rate; }
  [[nodiscard]] std::vector<NamedTensor> named_parameters() const override;

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;
  [[nodiscard]] std::int64_t num_classes() const override { return boundary_.defined() ? boundary_.size(0) : -1; }

  SnrLossOptions options_;
  torch::Tensor boundary_;  // [num_classes], undefined in the triplet form
};

}  // namespace diva::inline v0_1
