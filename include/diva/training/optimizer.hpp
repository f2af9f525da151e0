#pragma once

#include <diva/core/module.hpp>
#include <diva/core/options.hpp>
#include <diva/training/schedule.hpp>

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace diva::inline v0_1 {

enum class OptimizerKind {
  adam,   ///< Kingma and Ba, ICLR 2015; weight decay is an L2 term of the loss.
  adamw,  ///< Loshchilov and Hutter, ICLR 2019; weight decay is a step of its own.
  sgd,    ///< With momentum; weight decay is an L2 term of the loss.
};

constexpr auto enumerators(OptimizerKind) {
  return std::array{std::pair{OptimizerKind::adam, "adam"}, std::pair{OptimizerKind::adamw, "adamw"},
                    std::pair{OptimizerKind::sgd, "sgd"}};
}

struct OptimizerOptions {
  double learning_rate = 1e-5;     ///< Of the network; the seed's `--lr`.
  double head_learning_rate = -1;  ///< Of the heads where not negative; the seed's `--fc_lr`.
  double weight_decay = 4e-4;  ///< L2 term of the network's parameters; criteria and decorrelation have none. The seed's `--decay`.
  ScheduleOptions schedule = {};  ///< Of every group that `groups` gives no other.
  OptimizerKind kind = OptimizerKind::adam;
  double beta1 = 0.9;     ///< Of adam and adamw: memory of the gradient's mean.
  double beta2 = 0.999;   ///< Of adam and adamw: memory of its square.
  double epsilon = 1e-8;  ///< Of adam and adamw.
  double momentum = 0.9;  ///< Of sgd.
  bool nesterov = false;  ///< Of sgd.
  double clip_norm = 0;   ///< Gradients of all groups together are shortened to this L2 norm, where positive.
  double clip_value = 0;  ///< Each entry of a gradient is brought into ± this first, where positive.
  /// JSON: a GroupOptions for each group that is to differ, by its name: network (the backbone, and the heads where nothing sets
  /// them apart), heads, loss.HEAD, decorrelation.
  std::string groups = "{}";
};

template <class Visitor>
void describe(OptimizerOptions& options, Visitor&& visit) {
  visit("learning_rate", options.learning_rate, "learning rate of the network", non_negative);
  visit("head_learning_rate", options.head_learning_rate, "learning rate of the heads where not negative", any_value);
  visit("weight_decay", options.weight_decay, "L2 weight decay of the network's parameters", non_negative);
  visit("schedule", options.schedule, "how the rates move", any_value);
  visit("kind", options.kind, "adam, adamw or sgd", any_value);
  visit("beta1", options.beta1, "of adam and adamw: memory of the gradient's mean", between(0, 1));
  visit("beta2", options.beta2, "of adam and adamw: memory of its square", between(0, 1));
  visit("epsilon", options.epsilon, "of adam and adamw: added to the root of the square", positive);
  visit("momentum", options.momentum, "of sgd", between(0, 1));
  visit("nesterov", options.nesterov, "of sgd: look ahead", any_value);
  visit("clip_norm", options.clip_norm, "largest L2 norm of all gradients together, where positive", non_negative);
  visit("clip_value", options.clip_value, "largest size of a gradient's entry, where positive", non_negative);
  visit("groups", options.groups, "JSON: learning_rate, weight_decay and schedule of groups that differ", any_value);
}

/// How one group of parameters differs from what it would otherwise have.
struct GroupOptions {
  double learning_rate = -1;      ///< Where not negative.
  double weight_decay = -1;       ///< Where not negative.
  ScheduleOptions schedule = {};  ///< In JSON, what is not named is as in OptimizerOptions::schedule.
};

template <class Visitor>
void describe(GroupOptions& options, Visitor&& visit) {
  visit("learning_rate", options.learning_rate, "where not negative", any_value);
  visit("weight_decay", options.weight_decay, "where not negative", any_value);
  visit("schedule", options.schedule, "how the rate moves", any_value);
}

/// Parameters that share a learning rate, its schedule and a weight decay.
struct ParameterGroup {
  std::string name;
  std::vector<NamedTensor> parameters;
  double learning_rate;
  double weight_decay = 0;
  ScheduleOptions schedule = {};
};

/// Gives every group the general schedule and then what `options.groups` says of it. OptionError for a group that is not there.
void apply_group_options(const OptimizerOptions& options, std::vector<ParameterGroup>& groups);

/// Adam, AdamW or SGD over groups of parameters, with a state that restores exactly; torch::optim computes the steps.
///
/// Edge: parameters without a gradient (a frozen layer) are left as they are, and have no moments.
class Optimizer {
 public:
  /// Of `options` only what concerns the kind and clipping is read; rates, decay and schedules are the groups' own.
  explicit Optimizer(std::vector<ParameterGroup> groups, const OptimizerOptions& options = {});
  ~Optimizer();
  Optimizer(Optimizer&&) noexcept;
  Optimizer& operator=(Optimizer&&) noexcept;

  void zero_grad();
  /// Clips the gradients where that is asked for, and moves the parameters.
  void step();
  /// Sets every group's rate to that given at construction times its schedule's factor.
  void schedule(const SchedulePosition& position);
  /// The present rate of the first group.
  [[nodiscard]] double learning_rate() const;
  /// Of all groups.
  [[nodiscard]] std::vector<torch::Tensor> parameters() const;

  /// Moments and step counts by the parameters' names; parameters that never had a gradient have none.
  [[nodiscard]] State state() const;
  /// Throws DataError for the state of other parameters or of another kind; then nothing is changed.
  void restore(const State& state);

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace diva::inline v0_1
