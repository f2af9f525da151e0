#include <diva/losses/multiple_losses.hpp>

#include <algorithm>
#include <set>

namespace diva::inline v0_1 {
namespace {

State copied(const State& state) {
  State copy = state;
  for (auto& [name, tensor] : copy.tensors) tensor = tensor.clone();
  return copy;
}

std::vector<NamedTensor> prefixed(const std::string& prefix, std::vector<NamedTensor> tensors) {
  for (auto& entry : tensors) entry.name = prefix + "." + entry.name;
  return tensors;
}

}  // namespace

MultipleLosses::MultipleLosses(std::vector<WeightedLoss> losses, std::vector<WeightedRegularizer> regularizers)
    : losses_(std::move(losses)), regularizers_(std::move(regularizers)) {
  if (losses_.empty()) detail::fail<OptionError>("MultipleLosses", "losses", "at least one", "none");
  std::set<std::string> names;
  for (const auto& one : losses_) {
    if (!one.loss) detail::fail<OptionError>("MultipleLosses", "'" + one.name + "'", "a criterion", "none");
    if (one.name.empty() || one.name.find('.') != std::string::npos || !names.insert(one.name).second)
      detail::fail<OptionError>("MultipleLosses", "names of losses", "unique and without a dot", "'" + one.name + "'");
  }
  for (const auto& one : regularizers_) {
    if (!one.regularizer) detail::fail<OptionError>("MultipleLosses", "regularizers", "functions", "none");
  }
}

torch::Tensor MultipleLosses::compute(const Comparison& comparison, const Tuples& tuples) {
  torch::Tensor total;
  const auto add = [&total](double weight, const torch::Tensor& value) {
    total = total.defined() ? total + weight * value : weight * value;
  };
  for (const auto& one : losses_) {
    // A part that makes nothing of them, such as one with proxies, is not given those that were mined for the others.
    const bool beside = takes_tuples() && !one.loss->takes_tuples() && !comparison.relation;
    const auto chosen = one.miner ? one.miner(comparison) : beside ? Tuples() : tuples;
    add(one.weight, one.loss->forward(comparison.embeddings, comparison.labels, chosen, comparison.reference));
  }
  for (const auto& one : regularizers_)
    add(one.weight, one.regularizer(one.parameter.defined() ? one.parameter : comparison.embeddings));
  return total;
}

std::optional<double> MultipleLosses::learning_rate() const {
  std::optional<double> common;
  for (const auto& one : losses_) {
    const auto rate = one.loss->learning_rate();
    if (common && rate && *common != *rate) return std::nullopt;
    if (rate) common = rate;
  }
  return common;
}

bool MultipleLosses::takes_tuples() const {
  return std::any_of(losses_.begin(), losses_.end(), [](const auto& one) { return !one.miner && one.loss->takes_tuples(); });
}

std::vector<NamedTensor> MultipleLosses::named_parameters() const {
  std::vector<NamedTensor> all;
  for (const auto& one : losses_) {
    for (auto& entry : prefixed(one.name, one.loss->named_parameters())) all.push_back(std::move(entry));
  }
  return all;
}

std::vector<NamedTensor> MultipleLosses::named_buffers() const {
  std::vector<NamedTensor> all;
  for (const auto& one : losses_) {
    for (auto& entry : prefixed(one.name, one.loss->named_buffers())) all.push_back(std::move(entry));
  }
  return all;
}

State MultipleLosses::state() const {
  State state;
  for (const auto& one : losses_) state.put(one.name, one.loss->state());
  return state;
}

void MultipleLosses::restore(const State& state) {
  const auto known = [&](const std::string& name) {
    return std::any_of(losses_.begin(), losses_.end(), [&](const auto& one) { return name.starts_with(one.name + "."); });
  };
  for (const auto& [name, tensor] : state.tensors) {
    if (!known(name)) detail::fail<DataError>("MultipleLosses::restore", "the state", "only of its criteria", "'" + name + "'");
  }
  std::vector<State> before;
  for (const auto& one : losses_) before.push_back(copied(one.loss->state()));
  std::size_t done = 0;
  try {
    for (; done < losses_.size(); ++done) losses_[done].loss->restore(state.child(losses_[done].name));
  } catch (...) {
    while (done-- > 0) losses_[done].loss->restore(before[done]);
    throw;
  }
}

}  // namespace diva::inline v0_1
