// Reference: the seed's criteria/moco.py and fast_moco.py (tests/golden/README.md); float64 to 1e-9, float32 to 1e-4 of the largest
// entry. With a temperature of 0.01 losses and gradients fall to 1e-14 and below, where only being near zero can be compared.
#include "support/golden.hpp"

#include <diva/ssl/dance_loss.hpp>
#include <diva/ssl/moco_loss.hpp>

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

void compare(const golden::Case& one, torch::ScalarType type, double tolerance) {
  const auto loss = make(one);
  loss->to(type);
  if (one.has("param.temperature")) loss->restore(one.state.child("param"));
  auto q = one["embeddings"].to(type).clone().requires_grad_();
  const auto value = loss->forward(q, one["keys"].to(type), one["queue"].to(type));
  value.backward();
  CHECK(golden::error(value, one["out.loss"]) < tolerance);
  CHECK(golden::error(q.grad(), one["out.grad.embeddings"]) < tolerance);
  for (const auto& parameter : loss->named_parameters()) {
    CHECK(golden::error(parameter.tensor.grad(), one["out.grad.param." + parameter.name]) < tolerance);
  }
}

}  // namespace

TEST_CASE("self-similarity criteria agree with the reference in value and gradients") {
  std::string skipped;
  for (const auto& one : golden::cases("ssl")) {
    INFO(one.file);
    if (make(one) == nullptr) {
      skipped += " " + one.file;
      continue;
    }
    compare(one, torch::kFloat64, 1e-9);
    compare(one, torch::kFloat32, 1e-4);
  }
  if (!skipped.empty()) WARN("self-supervised tasks that diva does not have, skipped:" << skipped);
}
