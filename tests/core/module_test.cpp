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

TEST_CASE("module refuses a state with missing, foreign or misshapen tensors and stays as it was") {
  Scale module;
  auto missing = module.state(), foreign = module.state(), misshapen = module.state();
  missing.tensors.erase("count");
  foreign.put("other", torch::ones({1}));
  misshapen.put("weight", torch::zeros({4}));
  for (const auto& bad : {missing, foreign, misshapen}) CHECK_THROWS_AS(module.restore(bad), diva::DataError);
  CHECK(module.weight.sum().item<float>() == 3.0F);
}
