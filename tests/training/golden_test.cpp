// Reference: the seed's objective and torch's Adam, two steps (tests/golden/README.md); float64 to 1e-9 of the largest entry.
#include "support/golden.hpp"

#include <diva/heads/heads.hpp>
#include <diva/training/objective.hpp>
#include <diva/training/optimizer.hpp>

namespace {

diva::Triplets triplets(const torch::Tensor& rows) {
  return {rows.select(1, 0).contiguous(), rows.select(1, 1).contiguous(), rows.select(1, 2).contiguous()};
}

double number(const golden::Case& one, const std::string& key) { return std::stod(one.state.text(key)); }

void compare(const golden::Case& one) {
  const std::vector<std::string> heads_names = {"discriminative", "selfsimilarity", "shared", "intra"};
  const auto weight = one["param.head.discriminative.weight"];
  const auto alpha = number(one, "alpha");
  const bool fixed = one.state.text("diva_fixed") == "true" || one.state.text("diva_fixed") == "True";
  const auto ssl = nlohmann::json{{"temperature", number(one, "moco_temperature")}, {"variant", fixed ? "fixed" : "repo"}};
  const auto hidden = one["param.decorrelation.regressors.intra-discriminative.0.weight"].size(0);
  const diva::ObjectiveOptions options{.loss_options = R"({"counting": "repo"})",
                                       .ssl_options = ssl.dump(),
                                       .alpha_shared = alpha,
                                       .alpha_intra = alpha,
                                       .alpha_ssl = alpha,
                                       .rho = {number(one, "rho")},
                                       .separation = {.hidden_dim = hidden}};
  diva::Generator generator(0);
  diva::Heads heads(heads_names, weight.size(1), weight.size(0), generator);
  diva::Objective objective(options, heads_names, one["param.loss.intra.beta"].size(0), weight.size(0), generator);
  heads.to(torch::kFloat64);
  objective.to(torch::kFloat64);

  const auto given = one.state.child("param");
  const auto part = [&](const std::string& prefix) {
    diva::State state;
    for (const auto& [name, tensor] : given.tensors) {
      if (name.starts_with(prefix)) state.put(name, tensor);
    }
    return state;
  };
  heads.restore(given.child("head"));
  auto objective_state = part("loss.");
  for (const auto& [name, tensor] : part("decorrelation.").tensors) objective_state.put(name, tensor);
  objective.restore(objective_state);

  std::vector<diva::NamedTensor> trained;
  for (auto& [name, tensor] : heads.named_parameters()) trained.push_back({"head." + name, tensor});
  std::vector<diva::ParameterGroup> groups = {{"heads", trained, 1e-5, 4e-4}};
  for (auto& group : objective.groups()) {
    trained.insert(trained.end(), group.parameters.begin(), group.parameters.end());
    groups.push_back({group.name, group.parameters, group.learning_rate});
  }
  diva::Optimizer optimizer(std::move(groups));

  for (const std::string step : {"out.step1.", "out.step2."}) {
    INFO(step);
    const auto value = objective.forward(heads.forward(one["backbone_features"]), one["labels"],
                                         {{"discriminative", triplets(one["triplets.discriminative"])},
                                          {"shared", triplets(one["triplets.shared"])},
                                          {"intra", triplets(one["triplets.intra"])}},
                                         one["keys"], one["queue"]);
    CHECK(golden::error(value.total, one[step + "loss"]) < 1e-9);
    for (const auto& [name, term] : value.terms) {
      INFO(name);
      CHECK(golden::error(term, one[step + "loss." + name]) < 1e-9);
    }
    optimizer.zero_grad();
    value.total.backward();
    for (const auto& [name, tensor] : trained) {
      INFO(name);
      if (one.has(step + "grad." + name)) CHECK(golden::error(tensor.grad(), one[step + "grad." + name]) < 1e-9);
    }
    optimizer.step();
    for (const auto& [name, tensor] : trained) {
      INFO(name);
      CHECK(golden::error(tensor, one[step + "param." + name]) < 1e-9);
    }
  }
}

}  // namespace

TEST_CASE("two steps of the whole objective agree with the reference in losses, gradients and updated parameters") {
  for (const auto& one : golden::cases("step")) {
    INFO(one.file);
    compare(one);
  }
}
