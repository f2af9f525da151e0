// Reference: pytorch-metric-learning 2.8.1 (tests/golden/README.md, tests/golden/losses_pml/make_more.py); float64 to 1e-9, of
// HistogramLoss and SoftTripleLoss to 1e-7, float32 to 1e-4, relative to the largest entry. Options select PML's form where ours
// differs.
#include "losses/golden/proxylosses.hpp"
#include "losses/golden/ranklosses.hpp"
#include "losses/golden/rowlosses.hpp"
#include "support/golden.hpp"

namespace {

void compare(const golden::Case& one, diva::Loss& loss, torch::ScalarType type, double tolerance) {
  loss.to(type);
  auto state = loss.state();
  for (const auto& parameter : loss.named_parameters())
    state.put(parameter.name, golden::parameter_of(one, "param.", parameter.name));
  loss.restore(state);
  auto x = one["embeddings"].to(type).clone().requires_grad_();
  torch::Tensor other, labels;
  std::optional<diva::Reference> reference;
  if (one.has("labels")) labels = one["labels"];
  if (one.has("reference")) {
    other = one["reference"].to(type).clone().requires_grad_();
    reference = diva::Reference{other};
  }
  const auto value = loss.forward(x, labels, golden::tuples_of(one), reference);
  value.backward();
  CHECK(golden::error(value, one["out.loss"]) < tolerance);
  CHECK(golden::error(x.grad(), one["out.grad.embeddings"]) < tolerance);
  if (other.defined()) CHECK(golden::error(other.grad(), one["out.grad.reference"]) < tolerance);
  for (const auto& parameter : loss.named_parameters()) {
    CHECK(golden::error(parameter.tensor.grad(), golden::parameter_of(one, "out.grad.param.", parameter.name)) < tolerance);
  }
}

}  // namespace

TEST_CASE("losses agree with pytorch-metric-learning in value and gradients") {
  std::map<std::string, golden::CaseFactory> factories;
  factories.merge(golden::pml_proxy_losses());
  factories.merge(golden::pml_rank_losses());
  factories.merge(golden::pml_row_losses());
  std::string skipped;
  for (const auto& one : golden::cases("losses_pml")) {
    INFO(one.file);
    const auto factory = factories.find(one.name);
    if (factory == factories.end()) {
      skipped += " " + one.file;
      continue;
    }
    const auto num_classes = std::stoll(one.state.text("num_classes"));
    const bool loose = one.name == "HistogramLoss" || one.name == "SoftTripleLoss";
    compare(one, *factory->second(one, num_classes), torch::kFloat64, loose ? 1e-7 : 1e-9);
    compare(one, *factory->second(one, num_classes), torch::kFloat32, 1e-4);
  }
  if (!skipped.empty()) WARN("losses that diva does not have, skipped:" << skipped);
}
