// Reference: the seed's criteria moco, fast_moco, invariant_spread, dc and imrot (tests/golden/README.md); float64 to 1e-9, float32
// to 1e-4 of the largest entry. With a temperature of 0.01 losses and gradients fall to 1e-14 and below, where only being near zero
// can be compared.
#include "support/golden.hpp"

#include <diva/ssl/dance_loss.hpp>
#include <diva/ssl/invariant_spread_loss.hpp>
#include <diva/ssl/moco_loss.hpp>
#include <diva/ssl/registry.hpp>

#include <functional>
#include <memory>

namespace {

std::unique_ptr<diva::SelfSimilarityLoss> make(const golden::Case& one) {
  const auto temperature = one.options["diva_moco_temperature"].get<double>();
  const auto learned = one.options["diva_moco_trainable_temp"].get<bool>();
  if (one.name == "moco")
    return std::make_unique<diva::MocoLoss>(diva::MocoOptions{.temperature = temperature, .learn_temperature = learned});
  if (one.name != "fast_moco") return nullptr;
  return std::make_unique<diva::DanceLoss>(
      diva::DanceOptions{.temperature = temperature,
                         .lower_cutoff = one.options["diva_moco_lower_cutoff"].get<double>(),
                         .upper_cutoff = one.options["diva_moco_upper_cutoff"].get<double>(),
                         .variant = one.options["diva_fixed"].get<bool>() ? diva::Variant::fixed : diva::Variant::repo,
                         .learn_temperature = learned});
}

// Value and gradients of a case; `forward` computes the value from the embeddings.
void compare(const golden::Case& one, diva::Module& loss, torch::ScalarType type, double tolerance,
             const std::function<torch::Tensor(const torch::Tensor& embeddings)>& forward) {
  loss.to(type);
  const auto given = one.state.child("param");
  if (!given.tensors.empty()) loss.restore(given);
  auto x = one["embeddings"].to(type).clone().requires_grad_();
  const auto value = forward(x);
  value.backward();
  CHECK(golden::error(value, one["out.loss"]) < tolerance);
  CHECK(golden::error(x.grad(), one["out.grad.embeddings"]) < tolerance);
  for (const auto& parameter : loss.named_parameters()) {
    CHECK(golden::error(parameter.tensor.grad(), one["out.grad.param." + parameter.name]) < tolerance);
  }
}

bool compare(const golden::Case& one, torch::ScalarType type, double tolerance) {
  if (one.name == "invariantspread") {
    diva::InvariantSpreadLoss loss(
        {.temperature = one.options["diva_instdiscr_temperature"].get<double>(), .variant = diva::Variant::repo});
    compare(one, loss, type, tolerance, [&](const torch::Tensor& x) {
      const auto views = x.chunk(2);
      return loss.forward(views[0], views[1]);
    });
    return true;
  }
  if (one.name == "dc" || one.name == "imrot") {
    diva::Generator generator(1);
    const auto& weight = one["param.classifier.weight"];
    const auto options = one.name == "dc" ? nlohmann::json{{"clusters", weight.size(0)}}.dump() : "{}";
    const auto loss = diva::make_pretext_classifier(one.name, weight.size(1), generator, options);
    compare(one, *loss, type, tolerance, [&](const torch::Tensor& x) { return loss->forward(x, one["labels"]); });
    return true;
  }
  const auto loss = make(one);
  if (loss == nullptr) return false;
  compare(one, *loss, type, tolerance,
          [&](const torch::Tensor& x) { return loss->forward(x, one["keys"].to(type), one["queue"].to(type)); });
  return true;
}

}  // namespace

TEST_CASE("self-supervised criteria agree with the reference in value and gradients") {
  std::string skipped;
  for (const auto& one : golden::cases("ssl")) {
    INFO(one.file);
    if (!compare(one, torch::kFloat64, 1e-9) || !compare(one, torch::kFloat32, 1e-4)) skipped += " " + one.file;
  }
  if (!skipped.empty()) WARN("self-supervised tasks that diva does not have, skipped:" << skipped);
}
