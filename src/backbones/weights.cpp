#include <fmt/format.h>
#include <torch/utils.h>
#include <diva/backbones/weights.hpp>
#include <diva/core/checks.hpp>

#include <map>

namespace diva {
namespace {

/// Entries of torchvision's files that no backbone here has.
bool passed_over(const std::string& name) { return name.starts_with("fc.") || name.ends_with("num_batches_tracked"); }

}  // namespace

WeightReport load_weights(Backbone& backbone, const State& state, const WeightOptions& options) {
  const auto mine = backbone.state().tensors;  // shares storage with the backbone
  WeightReport report;
  for (const auto& [name, tensor] : mine) {
    if (!state.tensors.contains(options.prefix + name)) report.missing.push_back(name);
  }
  torch::NoGradGuard no_grad;
  for (const auto& [full_name, value] : state.tensors) {
    if (!full_name.starts_with(options.prefix)) continue;
    const auto name = full_name.substr(options.prefix.size());
    const auto found = mine.find(name);
    if (found == mine.end()) {
      if (!passed_over(name)) report.unexpected.push_back(name);
    } else if (found->second.sizes() != value.sizes()) {
      report.mismatched.push_back(
          fmt::format("{}: {} here, {} there", name, detail::describe(found->second), detail::describe(value)));
    } else {
      torch::Tensor(found->second).copy_(value);
    }
  }
  return report;
}

}  // namespace diva
