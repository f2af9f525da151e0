#pragma once

#include <diva/core/options.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/reducer.hpp>

namespace diva::inline v0_1 {

struct AngularLossOptions {
  double angle = 36;            ///< α in degrees, the largest angle at the negative that has little loss; in (0, 90). PML's is 40.
  double angular_weight = 2;    ///< Of the angular term; ≥ 0.
  double npair_weight = 1;      ///< Of the n-pair term; ≥ 0. PML has the angular term alone: 1 and 0.
  double norm_penalty = 0.005;  ///< Weight of the mean length of the embeddings; ≥ 0.
  /// `pml`: the negative keeps its length, u_n = x_n; the same value for embeddings of length 1, with another gradient.
  Variant variant = Variant::fixed;
  ReducerOptions reducer = {};  ///< Over positive pairs, of each term; for per_anchor each pair is an anchor of the angular term.
};

template <class Visitor>
void describe(AngularLossOptions& options, Visitor&& visit) {
  visit("angle", options.angle, "largest angle at the negative that has little loss, in degrees",
        Bounds{.lower = 0, .upper = 90, .lower_open = true, .upper_open = true});
  visit("angular_weight", options.angular_weight, "weight of the angular term", non_negative);
  visit("npair_weight", options.npair_weight, "weight of the n-pair term", non_negative);
  visit("norm_penalty", options.norm_penalty, "weight of the mean length of the embeddings", non_negative);
  visit("variant", options.variant, "pml: the negative keeps its length", any_value);
  visit("reducer", options.reducer, "over positive pairs, of each term", any_value);
}

/// Bounds the angle at the negative of each triangle of a positive pair and a negative, which no scale changes.
///
///   L = w_ang reduce_(a,p) log(1 + Σ_n exp(4 tan²α (u_a + u_p)·u_n − 2 (1 + tan²α) u_a·u_p)) + w_np L_npair + λ mean_i ‖x_i‖,
///   u = x/‖x‖,   reduce = mean
///
/// Source:  Wang et al., Deep Metric Learning with Angular Loss, ICCV 2017, eq. 8 and 9; arXiv 1708.01682. Reference: the seed's
///          criteria/angular.py; PML's AngularLoss.
/// Differs: the seed draws one positive an anchor, without tuples we take all; it cuts exponents at 50, ours cannot overflow. PML
///          takes negatives from the labels even where tuples are given; here given negatives are used.
/// Shapes:  embeddings [B, D]; labels [B] int64; pairs or triplets -> scalar.
/// Edge:    no positive pair: 0, without the penalty too. A pair whose anchor has no negatives: 0.
/// Cost:    O(P·R·D) for P positive pairs, in the memory of pairwise_loss and O(P·D); a user's relation or tuples: and [P, R] bool.
///          Gradient reaches embeddings.
class AngularLoss final : public Loss {
 public:
  explicit AngularLoss(const AngularLossOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "angular"; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;
  [[nodiscard]] torch::Tensor angular_term(const Comparison& comparison, const Tuples& tuples) const;

  AngularLossOptions options_;
};

}  // namespace diva::inline v0_1
