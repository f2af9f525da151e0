#pragma once

#include <diva/core/module.hpp>
#include <diva/core/options.hpp>

#include <memory>
#include <string>
#include <vector>

namespace diva {

struct OptimizerOptions {
  double learning_rate = 1e-5;     ///< Of the network; the seed's `--lr`.
  double head_learning_rate = -1;  ///< Of the heads where not negative; the seed's `--fc_lr`.
  double weight_decay = 4e-4;  ///< L2 term of the network's parameters; criteria and decorrelation have none. The seed's `--decay`.
  std::vector<std::int64_t> milestones = {};  ///< Epochs at which every rate is multiplied by `gamma`; the seed's `--tau`.
  double gamma = 0.3;                         ///< Factor at a milestone.
};

template <class Visitor>
void describe(OptimizerOptions& options, Visitor&& visit) {
  visit("learning_rate", options.learning_rate, "learning rate of the network", non_negative);
  visit("head_learning_rate", options.head_learning_rate, "learning rate of the heads where not negative", any_value);
  visit("weight_decay", options.weight_decay, "L2 weight decay of the network's parameters", non_negative);
  visit("milestones", options.milestones, "epochs at which the rates are multiplied by gamma", non_negative);
  visit("gamma", options.gamma, "factor at a milestone", non_negative);
}

/// Parameters that share a learning rate and a weight decay.
struct ParameterGroup {
  std::string name;
  std::vector<NamedTensor> parameters;
  double learning_rate;
  double weight_decay = 0;
};

/// Adam over groups of parameters, with a state that restores exactly.
///
/// Source:  Kingma and Ba, Adam, ICLR 2015; arXiv 1412.6980; betas 0.9 and 0.999, ε 1e-8; weight decay is the L2 term of
///          torch::optim::Adam, which computes the steps.
class Optimizer {
 public:
  explicit Optimizer(std::vector<ParameterGroup> groups);
  ~Optimizer();
  Optimizer(Optimizer&&) noexcept;
  Optimizer& operator=(Optimizer&&) noexcept;

  void zero_grad();
  void step();
  /// Multiplies every group's rate as given at construction by this factor.
  void scale_learning_rates(double factor);
  /// The present rate of the first group.
  [[nodiscard]] double learning_rate() const;

  /// Moments and step counts by the parameters' names; parameters that never had a gradient have none.
  [[nodiscard]] State state() const;
  void restore(const State& state);

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

/// γ to the number of milestones at or before `epoch` (counted from 0): the schedule MultiStepLR, as a function of the epoch alone.
double multi_step_factor(const std::vector<std::int64_t>& milestones, double gamma, std::int64_t epoch);

}  // namespace diva
