#pragma once

#include <torch/types.h>
#include <diva/core/module.hpp>

#include <optional>
#include <string_view>

namespace diva::inline v0_1 {

/// A criterion that compares each sample's embedding with the key of its own second view and with a queue of other samples' keys.
///
///   L = 1/B Σ_i −log softmax_0( [ q_i·k_i , s_i1 … s_iK ] / τ ),   s_in = what the criterion makes of q_i·queue_n
class SelfSimilarityLoss : public Module {
 public:
  /// Shapes:  queries [B, D] with a gradient, keys [B, D], queue [K, D]; all L2-normalised, on one device -> scalar.
  /// Edge:    empty queue or batch: 0, with a gradient of zeros. NaN passes on. Half and bfloat16 are computed in float32.
  /// Cost:    O(B·K·D) time, O(B·K) memory. Gradient reaches the queries, and τ when it is learned.
  /// Throws:  ShapeError.
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& queries, const torch::Tensor& keys, const torch::Tensor& queue) const;

  /// `temperature`, when it is learned.
  [[nodiscard]] std::vector<NamedTensor> named_parameters() const override;
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// The learning rate that the temperature wants.
  [[nodiscard]] double learning_rate() const { return temperature_learning_rate_; }

 protected:
  SelfSimilarityLoss(double temperature, bool learn_temperature, double temperature_learning_rate);

  /// s_in / τ = (q_i·queue_n · factor_in) / τ + offset_in, each [B, K]; undefined means 1 and 0.
  struct Weighting {
    torch::Tensor factors;
    torch::Tensor offsets;
  };

 private:
  /// From similarities q_i·queue_n [B, K] without their graph.
  [[nodiscard]] virtual Weighting weighting(const torch::Tensor& similarities, std::int64_t dim) const = 0;

  double temperature_;
  torch::Tensor learned_temperature_;  // 0-dim; undefined when constant
  double temperature_learning_rate_;
};

}  // namespace diva::inline v0_1
