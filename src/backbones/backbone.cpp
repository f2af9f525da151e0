#include <diva/backbones/backbone.hpp>

#include <functional>

#include "network.hpp"

namespace diva::inline v0_1 {
namespace {

using detail::ResNetForm;
using detail::TransformerForm;

using Factory = std::function<std::unique_ptr<Backbone>(const BackboneOptions&, Generator&)>;
using Line = detail::RegistryLine<Factory>;

template <class Make>
Factory drawn(Make make) {
  return [make](const BackboneOptions& options, Generator& initialisation) -> std::unique_ptr<Backbone> {
    std::unique_ptr<detail::Network> network = make(options);
    network->initialise(initialisation);
    return network;
  };
}

Factory resnet(const ResNetForm& form) {
  return drawn([form](const BackboneOptions& options) { return detail::make_resnet(form, options); });
}

Factory transformer(const TransformerForm& form) {
  return drawn([form](const BackboneOptions& options) { return detail::make_transformer(form, options); });
}

template <class Make>
Factory program(Make make) {
  return [make](const BackboneOptions& options, Generator&) { return make(options); };
}

constexpr TransformerForm vits16{.dim = 384}, vitb16{.dim = 768}, vitb32{.dim = 768, .patch = 32, .grid = 7},
    dinov2_vits14{.dim = 384, .patch = 14, .grid = 37, .registers = 4, .layer_scale = 1e-5},
    dinov2_vitb14{.dim = 768, .patch = 14, .grid = 37, .registers = 4, .layer_scale = 1e-5};

constexpr auto he = "He et al., CVPR 2016; torchvision", dosovitskiy = "Dosovitskiy et al., ICLR 2021; timm",
               darcet = "Oquab et al., 2023, and Darcet et al., ICLR 2024; timm";

/// The registry: one line a backbone. Multiplications are those of an image of 224 pixels.
const std::vector<Line>& registry() {
  static const std::vector<Line> lines{
      {"resnet18",
       resnet({.bottleneck = false, .blocks = {2, 2, 2, 2}}),
       {"512 features", he, "11.2 M parameters, 1.8 G multiplications"}},
      {"resnet34",
       resnet({.bottleneck = false, .blocks = {3, 4, 6, 3}}),
       {"512 features", he, "21.3 M parameters, 3.7 G multiplications"}},
      {"resnet50",
       resnet({.bottleneck = true, .blocks = {3, 4, 6, 3}}),
       {"2048 features", he, "23.5 M parameters, 4.1 G multiplications"}},
      {"resnet101",
       resnet({.bottleneck = true, .blocks = {3, 4, 23, 3}}),
       {"2048 features", he, "42.5 M parameters, 7.8 G multiplications"}},
      {"resnet152",
       resnet({.bottleneck = true, .blocks = {3, 8, 36, 3}}),
       {"2048 features", he, "58.1 M parameters, 11.5 G multiplications"}},
      {"bninception",
       drawn(detail::make_bninception),
       {"1024 features", "Ioffe and Szegedy, ICML 2015; pretrainedmodels", "10.3 M parameters, 2.0 G multiplications"}},
      {"googlenet",
       drawn(detail::make_googlenet),
       {"1024 features", "Szegedy et al., CVPR 2015; torchvision", "5.6 M parameters, 1.5 G multiplications"}},
      {"vits16", transformer(vits16), {"384 features", dosovitskiy, "21.7 M parameters, 4.6 G multiplications"}},
      {"vitb16", transformer(vitb16), {"768 features", dosovitskiy, "85.8 M parameters, 17.6 G multiplications"}},
      {"vitb32", transformer(vitb32), {"768 features", dosovitskiy, "87.5 M parameters, 4.4 G multiplications"}},
      {"dino_vits16", transformer(vits16), alias_of("vits16")},
      {"dino_vitb16", transformer(vitb16), alias_of("vitb16")},
      {"dinov2_vits14_reg4", transformer(dinov2_vits14), {"384 features", darcet, "22.1 M parameters, 6.2 G multiplications"}},
      {"dinov2_vitb14_reg4", transformer(dinov2_vitb14), {"768 features", darcet, "86.6 M parameters, 23.4 G multiplications"}},
      {"conv4",
       drawn(detail::make_conv4),
       {"as many features as its last width", "Vinyals et al., NeurIPS 2016", "0.1 M parameters"}},
      {"torchscript", program(detail::make_torchscript), {"the program in `file`", "torch.jit.save", "the program's"}},
      {"aot_inductor",
       program(detail::make_aot_inductor),
       {"the package in `file`, for evaluation", "torch._inductor.aoti_compile_and_package; LibTorch 2.6", "the program's"}},
  };
  return lines;
}

bool is_transformer(const std::string& name) { return name.find("vit") != std::string::npos; }
bool is_program(const std::string& name) { return name == "torchscript" || name == "aot_inductor"; }

void check_pooling(const std::string& name, Pooling pooling) {
  if (pooling == Pooling::class_token && !is_transformer(name)) {
    detail::fail<OptionError>("make_backbone", "pooling", "another one, since only vision transformers have a class token",
                              "class_token for " + name);
  }
  if (pooling == Pooling::gem && is_program(name)) {
    detail::fail<OptionError>("make_backbone", "pooling", "one without parameters for a program", "gem");
  }
}

}  // namespace

std::vector<std::string> backbone_names() { return detail::names(registry()); }

std::vector<Listing> backbone_listings() { return detail::listings(registry()); }

std::unique_ptr<Backbone> make_backbone(const std::string& name, const BackboneOptions& options, Generator& initialisation) {
  validate_fields("make_backbone", options);
  const auto& line = detail::find_line("make_backbone", name, registry());
  check_pooling(name, options.pooling);
  if (is_program(name) && options.file.empty()) {
    detail::fail<OptionError>("make_backbone", "file", "the program of " + name, "nothing");
  }
  auto backbone = line.make(options, initialisation);
  if (backbone->feature_dim() == 0) {
    detail::fail<OptionError>("make_backbone", "image_size", "one of which " + name + " leaves something to flatten",
                              std::to_string(options.image_size));
  }
  return backbone;
}

}  // namespace diva::inline v0_1
