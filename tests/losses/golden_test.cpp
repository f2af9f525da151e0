// Reference: the seed's and Revisiting's criteria (tests/golden/README.md); float64 to 1e-9, float32 to 1e-4, relative to the
// largest entry. Options select the reference's behaviour where ours differs.
#include "support/golden.hpp"
#include "losses/golden/rowlosses.hpp"

#include <diva/losses/contrastive_loss.hpp>
#include <diva/losses/margin_loss.hpp>
#include <diva/losses/triplet_loss.hpp>

#include <functional>
#include <map>
#include <memory>

namespace {

using Options = nlohmann::ordered_json;
using Factory = std::function<std::unique_ptr<diva::Loss>(const Options&, std::int64_t num_classes)>;

const std::map<std::string, Factory> factories = {
    {"margin",
     [](const Options& flags, std::int64_t num_classes) -> std::unique_ptr<diva::Loss> {
       return std::make_unique<diva::MarginLoss>(
           diva::MarginLossOptions{.boundary = flags["loss_margin_beta"].get<double>(),
                                   .margin = flags["loss_margin_margin"].get<double>(),
                                   .learn_boundary = !flags["loss_margin_beta_constant"].get<bool>(),
                                   .counting = diva::Variant::repo},
           num_classes);
     }},
    {"triplet",
     [](const Options& flags, std::int64_t) -> std::unique_ptr<diva::Loss> {
       return std::make_unique<diva::TripletLoss>(diva::TripletLossOptions{.margin = flags["loss_triplet_margin"].get<double>()});
     }},
    {"contrastive",
     [](const Options& flags, std::int64_t) -> std::unique_ptr<diva::Loss> {
       return std::make_unique<diva::ContrastiveLoss>(
           diva::ContrastiveLossOptions{.positive_margin = flags["loss_contrastive_pos_margin"].get<double>(),
                                        .negative_margin = flags["loss_contrastive_neg_margin"].get<double>(),
                                        .variant = diva::Variant::repo});
     }},
};

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

TEST_CASE("losses agree with the reference in value and gradients") {
  std::string skipped;
  const auto row_losses = golden::row_losses();
  for (const auto& one : golden::cases("losses")) {
    INFO(one.file);
    const auto num_classes = std::stoll(one.state.text("num_classes"));
    const auto make = [&]() -> std::unique_ptr<diva::Loss> {
      const auto factory = factories.find(one.name);
      if (factory != factories.end()) return factory->second(one.options, num_classes);
      const auto of_rows = row_losses.find(one.name);
      return of_rows != row_losses.end() ? of_rows->second(one, num_classes) : nullptr;
    };
    if (make() == nullptr) {
      skipped += " " + one.file;
      continue;
    }
    compare(one, *make(), torch::kFloat64, 1e-9);
    compare(one, *make(), torch::kFloat32, 1e-4);
  }
  if (!skipped.empty()) WARN("losses that diva does not have, skipped:" << skipped);
}
