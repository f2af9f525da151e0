// Reference: pytorch-metric-learning 2.8.1 (tests/golden/README.md); float64 to 1e-9, float32 to 1e-4, relative to the largest
// entry. Options select PML's form where ours differs.
#include "losses/golden/rowlosses.hpp"
#include "support/golden.hpp"

namespace {

void compare(const golden::Case& one, diva::Loss& loss, torch::ScalarType type, double tolerance) {
  loss.to(type);
  diva::State state;
  for (const auto& parameter : loss.named_parameters()) state.put(parameter.name, one["param." + parameter.name]);
  loss.restore(state);
  auto x = one["embeddings"].to(type).clone().requires_grad_();
  const auto value = loss.forward(x, one["labels"], golden::tuples_of(one));
  value.backward();
  CHECK(golden::error(value, one["out.loss"]) < tolerance);
  CHECK(golden::error(x.grad(), one["out.grad.embeddings"]) < tolerance);
  for (const auto& parameter : loss.named_parameters()) {
    CHECK(golden::error(parameter.tensor.grad(), one["out.grad.param." + parameter.name]) < tolerance);
  }
}

}  // namespace

TEST_CASE("losses agree with pytorch-metric-learning in value and gradients") {
  const auto factories = golden::pml_row_losses();
  std::string skipped;
  for (const auto& one : golden::cases("losses_pml")) {
    INFO(one.file);
    const auto factory = factories.find(one.name);
    if (factory == factories.end()) {
      skipped += " " + one.file;
      continue;
    }
    const auto num_classes = std::stoll(one.state.text("num_classes"));
    compare(one, *factory->second(one, num_classes), torch::kFloat64, 1e-9);
    compare(one, *factory->second(one, num_classes), torch::kFloat32, 1e-4);
  }
  if (!skipped.empty()) WARN("losses that diva does not have, skipped:" << skipped);
}
