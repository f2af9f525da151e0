#include <diva/backbones/backbone.hpp>

#include <functional>

#include "network.hpp"

namespace diva {
namespace {

using detail::ResNetForm;

struct Entry {
  const char* name;
  std::function<std::unique_ptr<detail::Network>(const BackboneOptions&)> make;
};

Entry resnet(const char* name, const ResNetForm& form) {
  return {name, [form](const BackboneOptions& options) { return detail::make_resnet(form, options); }};
}

/// The registry: one line a backbone.
const std::vector<Entry>& registry() {
  static const std::vector<Entry> entries{
      resnet("resnet18", {.bottleneck = false, .blocks = {2, 2, 2, 2}}),
      resnet("resnet34", {.bottleneck = false, .blocks = {3, 4, 6, 3}}),
      resnet("resnet50", {.bottleneck = true, .blocks = {3, 4, 6, 3}}),
      resnet("resnet101", {.bottleneck = true, .blocks = {3, 4, 23, 3}}),
      {"conv4", detail::make_conv4},
  };
  return entries;
}

}  // namespace

std::vector<std::string> backbone_names() {
  std::vector<std::string> names;
  for (const auto& entry : registry()) names.emplace_back(entry.name);
  return names;
}

std::unique_ptr<Backbone> make_backbone(const std::string& name, const BackboneOptions& options, Generator& initialisation) {
  validate_fields("make_backbone", options);
  for (const auto& entry : registry()) {
    if (name != entry.name) continue;
    auto backbone = entry.make(options);
    if (backbone->feature_dim() == 0) {
      detail::fail<OptionError>("make_backbone", "image_size", "large enough that " + name + " leaves something to flatten",
                                std::to_string(options.image_size));
    }
    backbone->initialise(initialisation);
    return backbone;
  }
  detail::fail_unknown("make_backbone", "name", name, backbone_names());
}

}  // namespace diva
