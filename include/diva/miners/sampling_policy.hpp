#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/module.hpp>
#include <diva/core/options.hpp>

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace diva::inline v0_1 {

/// How a sampling policy learns from its rewards.
enum class PolicyGradient {
  ppo,        ///< Proximal policy optimisation: the ratio to an older policy, clipped.
  reinforce,  ///< The logarithm of the chances of what was done.
};

constexpr auto enumerators(PolicyGradient) {
  return std::array{std::pair{PolicyGradient::ppo, "ppo"}, std::pair{PolicyGradient::reinforce, "reinforce"}};
}

/// Defaults are those of the PADS code.
struct SamplingPolicyOptions {
  std::vector<std::int64_t> hidden = {128, 128};  ///< Units of the layers; each ≥ 1.
  std::vector<double> factors = {0.5, 1, 1.5};    ///< What a bin may be multiplied by in one step; each > 0.
  PolicyGradient gradient = PolicyGradient::ppo;
  bool critic = true;           ///< Advantages against a learned value of the state (A2C), otherwise against a moving average.
  double learning_rate = 0.01;  ///< Of Adam.
  double clip = 0.2;            ///< ppo: ε, how far the ratio may leave 1.
  std::int64_t refresh = 3;     ///< ppo: steps between copies to the older policy; ≥ 1.
  double discount = 0.99;       ///< critic: weight of the next state's value; in [0, 1].
  double average_decay = 0.05;  ///< Without critic: share of the newest reward in the moving average; in [0, 1].
  /// critic: `fixed` fits values to what the advantage compares them with, the reward and the discounted next value; `repo` to the
  /// metric itself, which has another scale.
  Variant variant = Variant::fixed;
};

template <class Visitor>
void describe(SamplingPolicyOptions& options, Visitor&& visit) {
  visit("hidden", options.hidden, "units of the layers", at_least(1));
  visit("factors", options.factors, "what a bin may be multiplied by in one step", positive);
  visit("gradient", options.gradient, "how the policy learns", any_value);
  visit("critic", options.critic, "advantages against a learned value, otherwise against a moving average", any_value);
  visit("learning_rate", options.learning_rate, "of Adam", non_negative);
  visit("clip", options.clip, "ppo: how far the ratio may leave 1", non_negative);
  visit("refresh", options.refresh, "ppo: steps between copies to the older policy", at_least(1));
  visit("discount", options.discount, "critic: weight of the next state's value", between(0, 1));
  visit("average_decay", options.average_decay, "without critic: share of the newest reward in the average", between(0, 1));
  visit("variant", options.variant, "critic: fixed fits discounted rewards, repo the metric", any_value);
}

/// A small network that learns during training how to change the distribution of a ParametricMiner.
///
///   π(k, i | s): chance of factor i for bin k in state s, a softmax for each bin;   reward r = sign(metric − metric before)
///   A = r + γ V(s') − V(s), or r − its moving average;   L = − mean_k min(ρ_k A, clip(ρ_k, 1 ± ε) A) + ½ (V(s) − target)²
///   with ρ_k = π(k, i_k | s) / π_old(k, i_k | s); reinforce: L = − A mean_k log π(k, i_k | s)
///
/// Every few dozen training steps: `miner.adjust(policy.step(state, metric, generator))`, with the metric on a validation set, such
/// as Recall@1 + NMI, and a state of what the policy may see: PADS gives a history of recall, NMI and distances within and between
/// classes with their running averages, the distribution, and the share of the training that is done.
///
/// Source:  Roth et al., PADS, CVPR 2020, section 4; arXiv 2003.11113. Reference: its code, PADS_utilities.py; ppo: Schulman et
///          al., 2017.
/// Differs: see `variant`. The reference's older policy is not part of its checkpoints; all that `step` remembers is in the state.
/// Cost:    one pass forward and backward through the network a step.
class SamplingPolicy : public Module {
 public:
  /// Weights are drawn uniformly in ±1/√fan_in, as torch's Linear draws them.
  SamplingPolicy(std::int64_t state_dim, std::int64_t bins, Generator& initialisation, const SamplingPolicyOptions& options = {});

  /// Learns from what the metric has become since the last step (nothing at the first one), then draws the factors [bins] float64
  /// for the next. `state` [state_dim] floating point; non-finite metrics and states are refused (DataError), ShapeError.
  torch::Tensor step(const torch::Tensor& state, double metric, Generator& generator);

  /// Chances of the factors in a state, [factors, bins] float64.
  [[nodiscard]] torch::Tensor chances(const torch::Tensor& state) const;

  /// `network.0.weight`, `network.0.bias`, …, `action_weights.weight`, `.bias` and, with a critic, `value.weight`, `.bias`.
  [[nodiscard]] std::vector<NamedTensor> named_parameters() const override;
  /// Of the older policy, of Adam, and of the last step.
  [[nodiscard]] std::vector<NamedTensor> named_buffers() const override;

 private:
  struct Output {
    torch::Tensor value;        // scalar, undefined without a critic
    torch::Tensor log_chances;  // [factors, bins]
  };
  [[nodiscard]] Output evaluate(const std::vector<torch::Tensor>& parameters, const torch::Tensor& state) const;
  void learn(const torch::Tensor& state, double metric);
  void descend(const torch::Tensor& loss);

  std::int64_t state_dim_;
  std::int64_t bins_;
  SamplingPolicyOptions options_;
  std::vector<torch::Tensor> parameters_;      // weight, bias of each layer, then of the actions, then of the value
  std::vector<torch::Tensor> old_parameters_;  // the older policy
  std::vector<torch::Tensor> first_moments_, second_moments_;
  torch::Tensor last_state_;    // [state_dim] float64
  torch::Tensor last_actions_;  // [bins] int64
  torch::Tensor memory_;        // float64: steps so far, updates so far, last metric, moving average of rewards, rewards so far
};

}  // namespace diva::inline v0_1
