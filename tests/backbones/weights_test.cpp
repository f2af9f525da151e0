#include "support/catch.hpp"

#include <diva/backbones/weights.hpp>

namespace {

std::unique_ptr<diva::Backbone> resnet(std::uint64_t seed) {
  diva::Generator generator(seed);
  return diva::make_backbone("resnet18", {}, generator);
}

/// A state as torchvision writes it: the backbone's tensors, the classifier and the counters of batches.
diva::State torchvision_state(const diva::Backbone& backbone) {
  diva::State state;
  for (const auto& [name, tensor] : backbone.state().tensors) {
    state.put(name, tensor.clone());
    if (name.ends_with("running_mean")) {
      state.put(name.substr(0, name.size() - std::string("running_mean").size()) + "num_batches_tracked", std::int64_t{7});
    }
  }
  state.put("fc.weight", torch::zeros({1000, 512}));
  state.put("fc.bias", torch::zeros({1000}));
  return state;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("load_weights takes torchvision's state, classifier and counters passed over") {
  const auto source = resnet(1), target = resnet(2);
  const auto state = torchvision_state(*source);
  CHECK(diva::load_weights(*target, state).complete());
  for (const auto& [name, tensor] : source->state().tensors) CHECK(torch::equal(target->state().tensor(name), tensor));
  CHECK(target->parameters().front().requires_grad());
}

TEST_CASE("load_weights converts the type and drops a prefix") {
  const auto source = resnet(1), target = resnet(2);
  diva::State state;
  for (const auto& [name, tensor] : source->state().tensors) state.put("module." + name, tensor.to(torch::kFloat64));
  state.put("optimiser.step", std::int64_t{3});
  CHECK(diva::load_weights(*target, state, {.prefix = "module."}).complete());
  CHECK(torch::equal(target->state().tensor("layer4.1.conv2.weight"), source->state().tensor("layer4.1.conv2.weight")));
  const auto wrong = diva::load_weights(*target, state, {.prefix = "model."});
  CHECK(wrong.missing.size() == source->state().tensors.size());
  CHECK(wrong.loaded.empty());
}

TEST_CASE("load_weights finds where the backbone's names stand, and leaves the rest of a checkpoint aside") {
  for (const std::string prefix :
       {"module.", "state_dict.", "state_dict.module.", "model.", "teacher.backbone.", "network.backbone."}) {
    INFO(prefix);
    const auto source = resnet(1), target = resnet(2);
    diva::State state;
    for (const auto& [name, tensor] : torchvision_state(*source).tensors) state.put(prefix + name, tensor);
    state.put("epoch", std::int64_t{3});
    state.put("optimizer.state.0.exp_avg", torch::ones({3}));
    const auto report = diva::load_weights(*target, state);
    CHECK(report.complete());
    CHECK(report.prefix == prefix);
    CHECK(report.loaded.size() == source->state().tensors.size());
    CHECK(torch::equal(target->state().tensor("layer4.1.conv2.weight"), source->state().tensor("layer4.1.conv2.weight")));
  }
}

TEST_CASE("load_weights of two copies of a network takes the one that has all names, and of nothing nothing") {
  const auto source = resnet(1), other = resnet(3), target = resnet(2);
  diva::State state;
  for (const auto& [name, tensor] : source->state().tensors) state.put("student." + name, tensor);
  for (const auto& [name, tensor] : other->state().tensors) {
    if (name != "bn1.bias") state.put("a." + name, tensor);
  }
  CHECK(diva::load_weights(*target, state).prefix == "student.");
  CHECK(torch::equal(target->state().tensor("conv1.weight"), source->state().tensor("conv1.weight")));
  const auto report = diva::load_weights(*target, diva::State{});
  CHECK(report.missing.size() == source->state().tensors.size());
  CHECK(report.loaded.empty());
  CHECK_THAT(report.text(), Catch::Matchers::Contains("0 tensors loaded") && Catch::Matchers::Contains("missing: bn1.bias"));
}

TEST_CASE("load_weights takes torchvision's names of vision transformers") {
  diva::Generator generator(1);
  const auto source = diva::make_backbone("vits16", {}, generator), target = diva::make_backbone("vits16", {}, generator);
  const auto theirs = [](std::string name) {
    for (const auto& [ours, other] :
         std::vector<std::pair<std::string, std::string>>{{"patch_embed.proj", "conv_proj"},
                                                          {"pos_embed", "encoder.pos_embedding"},
                                                          {"cls_token", "class_token"},
                                                          {"attn.qkv.", "self_attention.in_proj_"},
                                                          {"attn.proj", "self_attention.out_proj"},
                                                          {"mlp.fc1", "mlp.0"},
                                                          {"mlp.fc2", "mlp.3"},
                                                          {"norm1", "ln_1"},
                                                          {"norm2", "ln_2"},
                                                          {"blocks.", "encoder.layers.encoder_layer_"}}) {
      if (const auto at = name.find(ours); at != std::string::npos) name.replace(at, ours.size(), other);
    }
    return name.starts_with("norm.") ? "encoder.ln." + name.substr(5) : name;
  };
  diva::State state;
  for (const auto& [name, tensor] : source->state().tensors) state.put(theirs(name), tensor);
  REQUIRE(state.tensors.contains("encoder.layers.encoder_layer_11.self_attention.in_proj_weight"));
  state.put("heads.head.weight", torch::zeros({1000, 384}));
  CHECK(diva::load_weights(*target, state).complete());
  for (const auto& [name, tensor] : source->state().tensors) CHECK(torch::equal(target->state().tensor(name), tensor));
}

TEST_CASE("load_weights takes DINOv2's own names: registers, chunks, and the class token's position as part of the token") {
  diva::Generator generator(1);
  const auto target = diva::make_backbone("dinov2_vits14_reg4", {}, generator);
  const auto source = diva::make_backbone("dinov2_vits14_reg4", {}, generator);
  diva::State state;
  for (const auto& [name, tensor] : source->state().tensors) {
    if (name == "reg_token") {
      state.put("register_tokens", tensor);
    } else if (name == "pos_embed") {
      state.put(name, torch::cat({torch::full({1, 1, 384}, 0.25), tensor}, 1));
    } else {
      state.put(name.starts_with("blocks.") ? "blocks.0." + name.substr(7) : name, tensor);
    }
  }
  state.put("mask_token", torch::zeros({1, 384}));
  CHECK(diva::load_weights(*target, state).complete());
  CHECK(torch::allclose(target->state().tensor("cls_token"), source->state().tensor("cls_token") + 0.25));
  for (const auto* name : {"reg_token", "pos_embed", "blocks.7.ls1.gamma", "blocks.11.attn.qkv.weight"}) {
    CHECK(torch::equal(target->state().tensor(name), source->state().tensor(name)));
  }
}

TEST_CASE("load_weights takes the rows that old batch normalisation was saved as") {
  const auto source = resnet(1), target = resnet(2);
  auto state = torchvision_state(*source);
  state.put("bn1.weight", torch::full({1, 64}, 3.0));
  CHECK(diva::load_weights(*target, state).complete());
  CHECK(target->state().tensor("bn1.weight").eq(3).all().item<bool>());
}

TEST_CASE("load_weights reports what is missing, left over and of another shape, and loads the rest") {
  const auto source = resnet(1), target = resnet(2);
  const auto before = target->clone();
  auto state = torchvision_state(*source);
  state.tensors.erase("bn1.bias");
  state.put("layer5.0.conv1.weight", torch::ones({1}));
  state.put("conv1.weight", torch::ones({64, 1, 7, 7}));
  const auto report = diva::load_weights(*target, state);
  CHECK_FALSE(report.complete());
  CHECK(report.missing == Names{"bn1.bias"});
  CHECK(report.unexpected == Names{"layer5.0.conv1.weight"});
  REQUIRE(report.mismatched.size() == 1);
  CHECK_THAT(report.mismatched[0],
             Catch::Matchers::Contains("conv1.weight: [64, 3, 7, 7]") && Catch::Matchers::Contains("[64, 1, 7, 7]"));
  CHECK(torch::equal(target->state().tensor("conv1.weight"), before->state().tensor("conv1.weight")));
  CHECK(torch::equal(target->state().tensor("layer1.0.conv1.weight"), source->state().tensor("layer1.0.conv1.weight")));
}
