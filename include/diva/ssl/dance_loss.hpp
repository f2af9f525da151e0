#pragma once

#include <diva/core/options.hpp>
#include <diva/ssl/self_similarity_loss.hpp>

namespace diva::inline v0_1 {

struct DanceOptions {
  double temperature = 0.1;                 ///< τ; > 0. The published runs use 0.01.
  double lower_cutoff = 0.5;                ///< λ: nearer negatives count as if at this distance; in (0, 2).
  double upper_cutoff = 1.4;                ///< Negatives farther than this get no weight; > 0.
  Variant variant = Variant::fixed;         ///< Which weighting, see DanceLoss.
  bool learn_temperature = false;           ///< Train τ.
  double temperature_learning_rate = 5e-4;  ///< Of τ.
};

template <class Visitor>
void describe(DanceOptions& options, Visitor&& visit) {
  visit("temperature", options.temperature, "τ, divides the similarities", positive);
  visit("lower_cutoff", options.lower_cutoff, "nearer negatives count as if at this distance",
        Bounds{.lower = 0, .upper = 2, .lower_open = true, .upper_open = true});
  visit("upper_cutoff", options.upper_cutoff, "negatives farther than this get no weight", positive);
  visit("variant", options.variant, "fixed: weights sum to 1 a query; repo: over the queries; paper: weights of the exponentials",
        any_value);
  visit("learn_temperature", options.learn_temperature, "train τ", any_value);
  visit("temperature_learning_rate", options.temperature_learning_rate, "learning rate of τ", non_negative);
}

/// Distance-adapted noise-contrastive estimation (DaNCE): negatives weighted by the inverse density of their distance, so that
/// training does not see only the crowd at distance √2.
///
///   w_in ∝ 1 / q(max(d_in, λ)) where d_in ≤ upper cut-off, otherwise 0,
///   d_in = ‖q_i − queue_n‖,   q(d) as in miners/distance_weighted.hpp
///
///   fixed:  s_in = w_in · q_i·queue_n with Σ_n w_in = 1    the seed with `--diva_fixed`
///   repo:   s_in = w_in · q_i·queue_n with Σ_i w_in = 1    the seed without it: one maximum for all, normalised over the queries
///   paper:  exp(s_in/τ) = w_in · exp(q_i·queue_n/τ) with Σ_n w_in = K, so equal weights give MoCo
///
/// Source:  Milbich, Roth et al., DiVA, ECCV 2020, section 3.2; arXiv 2004.13458. Reference: the seed's criteria/fast_moco.py.
/// Differs: `repo` weights negatives about K/B times as much as `fixed` (FIELD B5). Where all of a query's negatives lie beyond the
///          cut-off they weigh alike, as in the seed. 1 − d²/4 is kept at 1e-8, where the seed gets NaN for opposite embeddings
///          (B6).
/// Edge:    as SelfSimilarityLoss; identical and opposite embeddings are finite.
class DanceLoss final : public SelfSimilarityLoss {
 public:
  explicit DanceLoss(const DanceOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "dance"; }

 private:
  [[nodiscard]] Weighting weighting(const torch::Tensor& similarities, std::int64_t dim) const override;

  DanceOptions options_;
};

}  // namespace diva::inline v0_1
