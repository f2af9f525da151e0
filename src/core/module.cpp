#include <torch/utils.h>
#include <diva/core/checks.hpp>
#include <diva/core/module.hpp>

namespace diva::inline v0_1 {
namespace {

std::vector<NamedTensor> all_tensors(const Module& module) {
  auto all = module.named_parameters();
  const auto buffers = module.named_buffers();
  all.insert(all.end(), buffers.begin(), buffers.end());
  return all;
}

void convert(const Module& module, const torch::TensorOptions& options, bool floating_only) {
  for (auto& [name, tensor] : all_tensors(module)) {
    if (floating_only && !tensor.is_floating_point()) continue;
    torch::Tensor target = tensor;
    target.set_data(tensor.detach().to(options));
  }
}

}  // namespace

std::vector<torch::Tensor> Module::parameters() const {
  std::vector<torch::Tensor> result;
  for (auto& [name, tensor] : named_parameters()) result.push_back(tensor);
  return result;
}

void Module::to(torch::Device device) { convert(*this, torch::TensorOptions(device), false); }

void Module::to(torch::ScalarType type) { convert(*this, torch::TensorOptions(type), true); }

State Module::state() const {
  State state;
  for (const auto& [name, tensor] : all_tensors(*this)) state.put(name, tensor.detach());
  return state;
}

void Module::restore(const State& state) {
  const auto mine = all_tensors(*this);
  for (const auto& [name, tensor] : mine) {
    const auto& value = state.tensor(name);
    if (value.sizes() != tensor.sizes()) {
      detail::fail<DataError>("Module::restore", "'" + name + "'", detail::describe(tensor), detail::describe(value));
    }
  }
  if (state.tensors.size() > mine.size()) {
    for (const auto& [name, value] : state.tensors) {
      const bool known =
          std::any_of(mine.begin(), mine.end(), [&name = name](const NamedTensor& entry) { return entry.name == name; });
      if (!known) detail::fail<DataError>("Module::restore", "the state", "only names that the module has", "'" + name + "'");
    }
  }
  torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : mine) torch::Tensor(tensor).copy_(state.tensor(name));
}

}  // namespace diva::inline v0_1
