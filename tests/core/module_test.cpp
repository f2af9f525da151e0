#include "support/catch.hpp"

#include <torch/utils.h>
#include <diva/core/error.hpp>
#include <diva/core/module.hpp>

namespace {

struct Scale : diva::Module {
  torch::Tensor weight = torch::ones({3}).requires_grad_();
  torch::Tensor count = torch::zeros({1}, torch::kInt64);
  std::vector<diva::NamedTensor> named_parameters() const override { return {{"weight", weight}}; }
  std::vector<diva::NamedTensor> named_buffers() const override { return {{"count", count}}; }
};

}  // namespace

TEST_CASE("module restores its own state exactly and keeps its tensors") {
  Scale source, target;
  {
    torch::NoGradGuard guard;
    source.weight.fill_(0.3);
  }
  const auto* before = target.weight.unsafeGetTensorImpl();
  target.restore(source.state());
  CHECK(torch::equal(target.weight, source.weight));
  CHECK(target.weight.unsafeGetTensorImpl() == before);
  CHECK(target.weight.requires_grad());
}

TEST_CASE("module changes its type in place, integers excepted") {
  Scale module;
  const auto held = module.parameters();
  module.to(torch::kFloat64);
  CHECK(held[0].scalar_type() == torch::kFloat64);
  CHECK(module.count.scalar_type() == torch::kInt64);
}

TEST_CASE("module moves to a device in place") {
  Scale module;
  const auto held = module.parameters();
  const torch::Device device = at::hasCUDA() ? torch::kCUDA : torch::kCPU;
  module.to(device);
  CHECK(held[0].device().type() == device.type());
  CHECK(module.count.device().type() == device.type());
  CHECK(torch::equal(held[0].cpu(), torch::ones({3})));
  CHECK(held[0].requires_grad());
}

TEST_CASE("a module that learns and remembers nothing has an empty state") {
  struct Nothing : diva::Module {
  } module;
  CHECK(module.parameters().empty());
  CHECK(module.named_buffers().empty());
  CHECK(module.state().tensors.empty());
  CHECK_NOTHROW(module.restore(module.state()));
}

TEST_CASE("module refuses a state with missing, foreign or misshapen tensors and stays as it was") {
  Scale module;
  auto missing = module.state(), foreign = module.state(), misshapen = module.state();
  missing.tensors.erase("count");
  foreign.put("other", torch::ones({1}));
  misshapen.put("weight", torch::zeros({4}));
  for (const auto& bad : {missing, foreign, misshapen}) CHECK_THROWS_AS(module.restore(bad), diva::DataError);
  CHECK(module.weight.sum().item<float>() == 3.0F);
}
