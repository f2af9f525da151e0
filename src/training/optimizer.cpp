#include <fmt/format.h>
#include <diva/core/checks.hpp>
#include <diva/training/optimizer.hpp>

#include <torch/optim/adam.h>

#include <cmath>
#include <set>

namespace diva {

struct Optimizer::Implementation {
  std::vector<ParameterGroup> groups;
  torch::optim::Adam adam;

  static std::vector<torch::optim::OptimizerParamGroup> torch_groups(const std::vector<ParameterGroup>& groups) {
    std::vector<torch::optim::OptimizerParamGroup> result;
    for (const auto& group : groups) {
      std::vector<torch::Tensor> tensors;
      for (const auto& parameter : group.parameters) tensors.push_back(parameter.tensor);
      result.emplace_back(std::move(tensors), std::make_unique<torch::optim::AdamOptions>(
                                                  torch::optim::AdamOptions(group.learning_rate).weight_decay(group.weight_decay)));
    }
    return result;
  }

  explicit Implementation(std::vector<ParameterGroup> all)
      : groups(std::move(all)), adam(torch_groups(groups), torch::optim::AdamOptions()) {}

  // LibTorch 1.13 files a parameter's state under the text of its address, 2.x under the address.
  static auto key(const torch::Tensor& parameter) {
    using Key = std::decay_t<decltype(std::declval<torch::optim::Adam&>().state())>::key_type;
    if constexpr (std::is_same_v<Key, std::string>) {
      return c10::guts::to_string(parameter.unsafeGetTensorImpl());
    } else {
      return static_cast<void*>(parameter.unsafeGetTensorImpl());
    }
  }
};

Optimizer::Optimizer(std::vector<ParameterGroup> groups) {
  std::set<std::string> names;
  for (const auto& group : groups) {
    if (!(group.learning_rate >= 0) || !(group.weight_decay >= 0)) {
      detail::fail<OptionError>("Optimizer", "rates of group '" + group.name + "'", "at least 0",
                                std::to_string(group.learning_rate) + " and " + std::to_string(group.weight_decay));
    }
    for (const auto& parameter : group.parameters) {
      if (!names.insert(parameter.name).second)
        detail::fail<OptionError>("Optimizer", "parameter", "in one group once", "'" + parameter.name + "' twice");
    }
  }
  implementation_ = std::make_unique<Implementation>(std::move(groups));
}

Optimizer::~Optimizer() = default;
Optimizer::Optimizer(Optimizer&&) noexcept = default;
Optimizer& Optimizer::operator=(Optimizer&&) noexcept = default;

void Optimizer::zero_grad() { implementation_->adam.zero_grad(); }

void Optimizer::step() { implementation_->adam.step(); }

void Optimizer::scale_learning_rates(double factor) {
  auto& groups = implementation_->adam.param_groups();
  for (std::size_t i = 0; i < groups.size(); ++i) {
    static_cast<torch::optim::AdamOptions&>(groups[i].options()).lr(implementation_->groups[i].learning_rate * factor);
  }
}

double Optimizer::learning_rate() const {
  return static_cast<torch::optim::AdamOptions&>(implementation_->adam.param_groups().at(0).options()).lr();
}

State Optimizer::state() const {
  State state;
  auto& all = implementation_->adam.state();
  for (const auto& group : implementation_->groups) {
    for (const auto& [name, tensor] : group.parameters) {
      const auto found = all.find(Implementation::key(tensor));
      if (found == all.end()) continue;
      const auto& moments = static_cast<const torch::optim::AdamParamState&>(*found->second);
      state.put(name + ".step", moments.step());
      state.put(name + ".mean", moments.exp_avg());
      state.put(name + ".square", moments.exp_avg_sq());
    }
  }
  return state;
}

void Optimizer::restore(const State& state) {
  auto& all = implementation_->adam.state();
  std::decay_t<decltype(all)> restored;
  std::size_t used = 0;
  for (const auto& group : implementation_->groups) {
    for (const auto& [name, tensor] : group.parameters) {
      if (state.tensors.count(name + ".step") == 0) continue;
      auto moments = std::make_unique<torch::optim::AdamParamState>();
      const auto copy = [&, &tensor = tensor, &name = name](const std::string& part) {
        const auto& saved = state.tensor(name + part);
        detail::check_shape("Optimizer::restore", fmt::format("'{}{}'", name, part), saved, tensor.sizes());
        return saved.to(tensor.options()).clone();
      };
      moments->step(state.integer(name + ".step"));
      moments->exp_avg(copy(".mean"));
      moments->exp_avg_sq(copy(".square"));
      restored[Implementation::key(tensor)] = std::move(moments);
      used += 3;
    }
  }
  if (used != state.tensors.size()) {
    detail::fail<DataError>("Optimizer::restore", "the state", "of these parameters",
                            std::to_string(state.tensors.size() - used) + " further tensors");
  }
  all = std::move(restored);
}

double multi_step_factor(const std::vector<std::int64_t>& milestones, double gamma, std::int64_t epoch) {
  double factor = 1;
  for (const auto milestone : milestones) factor *= milestone <= epoch ? gamma : 1;
  return factor;
}

}  // namespace diva
