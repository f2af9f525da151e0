#pragma once

#include <diva/core/options.hpp>
#include <diva/ssl/self_similarity_loss.hpp>

namespace diva::inline v0_1 {

struct MocoOptions {
  double temperature = 0.1;                 ///< τ; > 0. The published runs use 0.01.
  bool learn_temperature = false;           ///< Train τ.
  double temperature_learning_rate = 5e-4;  ///< Of τ.
};

template <class Visitor>
void describe(MocoOptions& options, Visitor&& visit) {
  visit("temperature", options.temperature, "τ, divides the similarities", positive);
  visit("learn_temperature", options.learn_temperature, "train τ", any_value);
  visit("temperature_learning_rate", options.temperature_learning_rate, "learning rate of τ", non_negative);
}

/// Noise-contrastive estimation against a queue of keys, all negatives alike.
///
///   L = 1/B Σ_i −log [ exp(q_i·k_i/τ) / ( exp(q_i·k_i/τ) + Σ_n exp(q_i·queue_n/τ) ) ]
///
/// Source:  He et al., Momentum Contrast, CVPR 2020, eq. 1. Reference: the seed's criteria/moco.py (`--diva_ssl moco`).
class MocoLoss final : public SelfSimilarityLoss {
 public:
  explicit MocoLoss(const MocoOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "moco"; }

 private:
  [[nodiscard]] Weighting weighting(const torch::Tensor& similarities, std::int64_t dim) const override;
};

}  // namespace diva::inline v0_1
