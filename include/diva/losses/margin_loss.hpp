#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/distances/distance.hpp>
#include <diva/losses/loss.hpp>

namespace diva::inline v0_1 {

/// Options of MarginLoss. Distances are Euclidean between L2-normalised embeddings, so they lie in [0, 2].
struct MarginLossOptions {
  double boundary = 1.2;       ///< β: initial distance at which positives end and negatives begin; in (0, 2).
  double margin = 0.2;         ///< α: half width of the corridor around β; ≥ 0.
  bool learn_boundary = true;  ///< β is trained with `boundary_learning_rate`; otherwise it is one constant for all.
  /// The seed's `--loss_margin_beta_lr`; β moves in units of distance, so faster than weights.
  double boundary_learning_rate = 5e-4;
  double boundary_penalty = 0;  ///< ν: weight of Σβ, which keeps β from growing; ≥ 0.
  /// `fixed`: divide by the number of active pairs, as the paper's code; `repo`: by the number of triplets with an active pair;
  /// `pml`: as fixed, but the penalty of boundaries a class is ν Σ_(a,p,n) β_y(a) / n.
  Variant counting = Variant::fixed;
  bool boundary_per_class = true;  ///< A learned β for each class; otherwise one, as PML has it without `num_classes`.
  DistanceOptions distance = {};
  double smoothing = 1e-8;               ///< Added to squares under the root of Euclidean distances; ≥ 0. PML adds none.
  std::int64_t triplets_per_anchor = 0;  ///< Without given tuples: 0 for all triplets, otherwise so many random ones an anchor.
};

template <class Visitor>
void describe(MarginLossOptions& options, Visitor&& visit) {
  visit("boundary", options.boundary, "β: distance at which positives end and negatives begin",
        Bounds{.lower = 0, .upper = 2, .lower_open = true, .upper_open = true});
  visit("margin", options.margin, "α: half width of the corridor around β", non_negative);
  visit("learn_boundary", options.learn_boundary, "learned β, or one constant", any_value);
  visit("boundary_learning_rate", options.boundary_learning_rate, "learning rate of β", non_negative);
  visit("boundary_penalty", options.boundary_penalty, "ν: weight of the sum of β", non_negative);
  visit("counting", options.counting,
        "fixed: divide by active pairs; repo: by triplets with an active pair; pml: penalty a triplet", any_value);
  visit("boundary_per_class", options.boundary_per_class, "a learned β for each class, or one for all", any_value);
  visit("distance", options.distance, "what far means", any_value);
  visit("smoothing", options.smoothing, "added to squares under the root of Euclidean distances", non_negative);
  visit("triplets_per_anchor", options.triplets_per_anchor, "without given tuples: 0 for all, otherwise so many random ones",
        non_negative);
}

/// Pulls positives inside, pushes negatives outside, a learnable boundary for each class.
///
///   L = 1/n Σ_(a,p,n) [ (D_ap − β_y(a) + α)₊ + (β_y(a) − D_an + α)₊ ] + ν Σ_c β_c,   n = number of active pairs,
///   D_ij = √(‖x_i − x_j‖² + 1e-8)
///
/// The 1e-8, from the reference, keeps the gradient finite for equal embeddings and moves no distance by more than 1e-4.
///
/// Source:  Wu et al., Sampling Matters in Deep Embedding Learning, ICCV 2017, eq. 4; arXiv 1706.07567. PML's MarginLoss is this
///          with normalised distances without smoothing and a constant boundary.
/// Differs: the DiVA and Revisiting codes count triplets where their text says pairs (`counting = Variant::repo` does the same),
///          and fail for ν ≠ 0.
/// Shapes:  embeddings [B, D]; labels [B] int64 in [0, num_classes); triplets -> scalar.
/// Edge:    no active pair: νΣβ; with `pml` ν times the number of triplets times their mean β. Limit: α = 0 and D_ap < β < D_an for
///          all: 0.
/// Cost:    given triplets: O(T·D) time and memory. All triplets: that of pairwise_loss, as the terms of a triplet are those of its
///          pairs. Gradient reaches embeddings and β.
/// Throws:  OptionError (range, pairs given), ShapeError (sizes), DataError (label out of range).
class MarginLoss final : public Loss {
 public:
  /// `num_classes` bounds the labels; 0 is allowed where there is no boundary a class, and then labels are free. `generator` draws
  /// the triplets of triplets_per_anchor; its place in the stream is part of the state.
  explicit MarginLoss(const MarginLossOptions& options = {.learn_boundary = false}, std::int64_t num_classes = 0,
                      Generator generator = Generator());

  [[nodiscard]] std::string_view name() const override { return "margin"; }
  [[nodiscard]] std::optional<double> learning_rate() const override { return options_.boundary_learning_rate; }
  [[nodiscard]] std::vector<NamedTensor> named_parameters() const override;
  [[nodiscard]] std::vector<NamedTensor> named_buffers() const override;

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;
  [[nodiscard]] torch::Tensor of_all(const Comparison& comparison, const Tuples& tuples) const;
  [[nodiscard]] torch::Tensor of_triplets(const Comparison& comparison, const Triplets& triplets) const;
  [[nodiscard]] bool boundary_per_class() const { return options_.learn_boundary && options_.boundary_per_class; }
  [[nodiscard]] std::int64_t num_classes() const override { return num_classes_ > 0 ? num_classes_ : -1; }

  MarginLossOptions options_;
  std::int64_t num_classes_;
  Generator generator_;
  torch::Tensor boundary_;  // [num_classes] or [1] when learned, otherwise undefined
  torch::Tensor draws_;     // int64 [1], how often the generator has drawn; undefined where it never does
};

}  // namespace diva::inline v0_1
