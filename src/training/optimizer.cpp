// First, since clip_grad.h uses tensors without including them.
#include <torch/types.h>

#include <fmt/format.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>
#include <diva/core/checks.hpp>
#include <diva/core/json.hpp>
#include <diva/training/optimizer.hpp>

#include <algorithm>
#include <set>

#include "../core/torch_version.hpp"

namespace diva::inline v0_1 {
namespace {

using TorchOptions = std::unique_ptr<torch::optim::OptimizerOptions>;
using TorchState = std::unique_ptr<torch::optim::OptimizerParamState>;

auto key(const torch::Tensor& parameter) {
  return detail::optimizer_key<std::decay_t<decltype(std::declval<torch::optim::Adam&>().state())>::key_type>(parameter);
}

template <class AdamOptions>
TorchOptions adam_options(const ParameterGroup& group, const OptimizerOptions& options) {
  return std::make_unique<AdamOptions>(
      AdamOptions(group.learning_rate).betas({options.beta1, options.beta2}).eps(options.epsilon).weight_decay(group.weight_decay));
}

TorchOptions sgd_options(const ParameterGroup& group, const OptimizerOptions& options) {
  return std::make_unique<torch::optim::SGDOptions>(torch::optim::SGDOptions(group.learning_rate)
                                                        .momentum(options.momentum)
                                                        .nesterov(options.nesterov)
                                                        .weight_decay(group.weight_decay));
}

// Reads a saved tensor of a parameter's shape; `name` is the parameter's.
using SavedTensor = std::function<torch::Tensor(const std::string& part)>;

template <class Moments>
void write_adam(State& state, const std::string& name, const torch::optim::OptimizerParamState& saved) {
  const auto& moments = static_cast<const Moments&>(saved);
  state.put(name + ".step", moments.step());
  state.put(name + ".mean", moments.exp_avg());
  state.put(name + ".square", moments.exp_avg_sq());
}

template <class Moments>
TorchState read_adam(const State& state, const std::string& name, const SavedTensor& tensor) {
  if (!state.tensors.contains(name + ".step")) return nullptr;
  auto moments = std::make_unique<Moments>();
  moments->step(state.integer(name + ".step"));
  moments->exp_avg(tensor(".mean"));
  moments->exp_avg_sq(tensor(".square"));
  return moments;
}

void write_sgd(State& state, const std::string& name, const torch::optim::OptimizerParamState& saved) {
  const auto& buffer = static_cast<const torch::optim::SGDParamState&>(saved).momentum_buffer();
  if (buffer.defined()) state.put(name + ".momentum", buffer);
}

TorchState read_sgd(const State& state, const std::string& name, const SavedTensor& tensor) {
  if (!state.tensors.contains(name + ".momentum")) return nullptr;
  auto moments = std::make_unique<torch::optim::SGDParamState>();
  moments->momentum_buffer(tensor(".momentum"));
  return moments;
}

// What differs between the kinds, once.
struct Kind {
  std::unique_ptr<torch::optim::Optimizer> (*make)(const std::vector<torch::optim::OptimizerParamGroup>& groups);
  TorchOptions (*options)(const ParameterGroup& group, const OptimizerOptions& options);
  void (*write)(State& state, const std::string& name, const torch::optim::OptimizerParamState& saved);
  TorchState (*read)(const State& state, const std::string& name, const SavedTensor& tensor);
  void (*set_rate)(torch::optim::OptimizerOptions& options, double rate);
  std::size_t tensors;  // of a parameter's state
};

template <class TorchOptimizer, class Options>
std::unique_ptr<torch::optim::Optimizer> make(const std::vector<torch::optim::OptimizerParamGroup>& groups) {
  return std::make_unique<TorchOptimizer>(groups, Options(1e-3));
}

template <class Options>
void set_rate(torch::optim::OptimizerOptions& options, double rate) {
  static_cast<Options&>(options).lr(rate);
}

Kind kind_of(OptimizerKind kind) {
  using namespace torch::optim;
  switch (kind) {
    case OptimizerKind::adamw:
      return {make<AdamW, AdamWOptions>,  adam_options<AdamWOptions>, write_adam<AdamWParamState>,
              read_adam<AdamWParamState>, set_rate<AdamWOptions>,     3};
    case OptimizerKind::sgd:
      return {make<SGD, SGDOptions>, sgd_options, write_sgd, read_sgd, set_rate<SGDOptions>, 1};
    case OptimizerKind::adam:
      break;
  }
  return {make<Adam, AdamOptions>,   adam_options<AdamOptions>, write_adam<AdamParamState>,
          read_adam<AdamParamState>, set_rate<AdamOptions>,     3};
}

}  // namespace

struct Optimizer::Implementation {
  std::vector<ParameterGroup> groups;
  OptimizerOptions options;
  Kind kind;
  std::unique_ptr<torch::optim::Optimizer> torch;
  double first_rate;

  Implementation(std::vector<ParameterGroup> all, const OptimizerOptions& chosen)
      : groups(std::move(all)), options(chosen), kind(kind_of(chosen.kind)) {
    std::vector<torch::optim::OptimizerParamGroup> parts;
    for (const auto& group : groups) {
      std::vector<torch::Tensor> tensors;
      for (const auto& parameter : group.parameters) tensors.push_back(parameter.tensor);
      parts.emplace_back(std::move(tensors), kind.options(group, options));
    }
    torch = kind.make(parts);
    first_rate = groups.empty() ? 0 : groups.front().learning_rate;
  }
};

void apply_group_options(const OptimizerOptions& options, std::vector<ParameterGroup>& groups) {
  const auto given = parse_json(options.groups, "optimizer.groups");
  if (!given.is_object()) detail::fail<OptionError>("Optimizer", "groups", "a JSON object", options.groups);
  std::vector<std::string> names;
  for (auto& group : groups) {
    names.push_back(group.name);
    group.schedule = options.schedule;
    const auto found = given.find(group.name);
    if (found == given.end()) continue;
    GroupOptions own{.schedule = options.schedule};
    from_json(*found, own, "optimizer.groups." + group.name);
    if (own.learning_rate >= 0) group.learning_rate = own.learning_rate;
    if (own.weight_decay >= 0) group.weight_decay = own.weight_decay;
    group.schedule = own.schedule;
  }
  for (const auto& [name, value] : given.items()) {
    if (std::find(names.begin(), names.end(), name) == names.end()) detail::fail_unknown("Optimizer", "group", name, names);
  }
}

Optimizer::Optimizer(std::vector<ParameterGroup> groups, const OptimizerOptions& options) {
  validate_fields("Optimizer", options);
  std::set<std::string> names;
  for (const auto& group : groups) {
    validate_fields("Optimizer", group.schedule);
    if (!(group.learning_rate >= 0) || !(group.weight_decay >= 0)) {
      detail::fail<OptionError>("Optimizer", "rates of group '" + group.name + "'", "at least 0",
                                fmt::format("{} and {}", group.learning_rate, group.weight_decay));
    }
    for (const auto& parameter : group.parameters) {
      if (!names.insert(parameter.name).second)
        detail::fail<OptionError>("Optimizer", "parameter", "in one group once", "'" + parameter.name + "' twice");
    }
  }
  if (options.kind == OptimizerKind::sgd && options.nesterov && options.momentum == 0)
    detail::fail<OptionError>("Optimizer", "nesterov", "with a momentum", "none");
  implementation_ = std::make_unique<Implementation>(std::move(groups), options);
}

Optimizer::~Optimizer() = default;
Optimizer::Optimizer(Optimizer&&) noexcept = default;
Optimizer& Optimizer::operator=(Optimizer&&) noexcept = default;

void Optimizer::zero_grad() { implementation_->torch->zero_grad(); }

void Optimizer::step() {
  const auto& options = implementation_->options;
  if (options.clip_value > 0) torch::nn::utils::clip_grad_value_(parameters(), options.clip_value);
  if (options.clip_norm > 0) torch::nn::utils::clip_grad_norm_(parameters(), options.clip_norm);
  implementation_->torch->step();
}

void Optimizer::schedule(const SchedulePosition& position) {
  auto& parts = implementation_->torch->param_groups();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto& group = implementation_->groups[i];
    const double rate = group.learning_rate * schedule_factor(group.schedule, position);
    implementation_->kind.set_rate(parts[i].options(), rate);
    if (i == 0) implementation_->first_rate = rate;
  }
}

double Optimizer::learning_rate() const { return implementation_->first_rate; }

std::vector<torch::Tensor> Optimizer::parameters() const {
  std::vector<torch::Tensor> all;
  for (const auto& group : implementation_->groups) {
    for (const auto& parameter : group.parameters) all.push_back(parameter.tensor);
  }
  return all;
}

State Optimizer::state() const {
  State state;
  auto& all = implementation_->torch->state();
  for (const auto& group : implementation_->groups) {
    for (const auto& [name, tensor] : group.parameters) {
      const auto found = all.find(key(tensor));
      if (found != all.end()) implementation_->kind.write(state, name, *found->second);
    }
  }
  return state;
}

void Optimizer::restore(const State& state) {
  auto& all = implementation_->torch->state();
  std::decay_t<decltype(all)> restored;
  std::size_t used = 0;
  for (const auto& group : implementation_->groups) {
    for (const auto& [name, tensor] : group.parameters) {
      const auto saved = [&, &tensor = tensor, &name = name](const std::string& part) {
        const auto& values = state.tensor(name + part);
        detail::check_shape("Optimizer::restore", fmt::format("'{}{}'", name, part), values, tensor.sizes());
        return values.to(tensor.options()).clone();
      };
      if (auto moments = implementation_->kind.read(state, name, saved)) {
        restored[key(tensor)] = std::move(moments);
        used += implementation_->kind.tensors;
      }
    }
  }
  if (used != state.tensors.size()) {
    detail::fail<DataError>("Optimizer::restore", "the state", "of these parameters",
                            std::to_string(state.tensors.size() - used) + " further tensors");
  }
  all = std::move(restored);
}

}  // namespace diva::inline v0_1
