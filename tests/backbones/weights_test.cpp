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
  const auto without = diva::load_weights(*target, state);
  CHECK(without.missing.size() == source->state().tensors.size());
  CHECK(without.unexpected.size() == state.tensors.size());
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
