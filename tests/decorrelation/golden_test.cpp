// Reference: the seed's criteria/adversarial_separation.py (tests/golden/README.md); float64 to 1e-9, float32 to 1e-4.
#include "support/golden.hpp"

#include <diva/decorrelation/adversarial_separation.hpp>

namespace {

void compare(const golden::Case& one, torch::ScalarType type, double tolerance) {
  const auto directions = nlohmann::json::parse(one.state.text("directions")).get<std::vector<std::string>>();
  const auto weights = nlohmann::json::parse(one.state.text("weights")).get<std::vector<double>>();
  std::vector<diva::DecorrelationEdge> edges;
  for (std::size_t i = 0; i < directions.size(); ++i) edges.push_back(diva::parse_edge(directions[i], weights[i]));
  const auto shape = one["param.regressors." + directions[0] + ".0.weight"].sizes();
  diva::Generator generator(0);
  diva::AdversarialSeparation separation(edges, shape[1], generator, {.hidden_dim = shape[0]});
  separation.to(type);
  separation.restore(one.state.child("param"));
  std::map<std::string, torch::Tensor> heads;
  for (const auto& [name, tensor] : one.state.child("head").tensors) heads[name] = tensor.to(type).clone().requires_grad_();
  const auto value = separation.forward(heads);
  value.backward();
  CHECK(golden::error(value, one["out.loss"]) < tolerance);
  for (const auto& [name, tensor] : heads) CHECK(golden::error(tensor.grad(), one["out.grad.head." + name]) < tolerance);
  for (const auto& parameter : separation.named_parameters()) {
    CHECK(golden::error(parameter.tensor.grad(), one["out.grad.param." + parameter.name]) < tolerance);
  }
}

}  // namespace

TEST_CASE("adversarial separation agrees with the reference in value and gradients") {
  for (const auto& one : golden::cases("decorrelation")) {
    INFO(one.file);
    if (one.name != "adversarial_separation") {
      WARN("skipped, diva has no " << one.name);
      continue;
    }
    compare(one, torch::kFloat64, 1e-9);
    compare(one, torch::kFloat32, 1e-4);
  }
}
