// Reference: the seed's and Revisiting's criteria (tests/golden/README.md); float64 to 1e-9, float32 to 1e-4, relative to the
// largest entry; histogram to 1e-7. Options select the reference's behaviour where ours differs.
#include "support/golden.hpp"
#include "losses/golden/proxylosses.hpp"
#include "losses/golden/ranklosses.hpp"
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
  for (const auto& parameter : loss.named_parameters())
    state.put(parameter.name, golden::parameter_of(one, "param.", parameter.name));
  loss.restore(state);
  auto x = one["embeddings"].to(type).clone().requires_grad_();
  const auto value = loss.forward(x, one["labels"], golden::tuples_of(one));
  value.backward();
  CHECK(golden::error(value, one["out.loss"]) < tolerance);
  CHECK(golden::error(x.grad(), one["out.grad.embeddings"]) < tolerance);
  for (const auto& parameter : loss.named_parameters()) {
    CHECK(golden::error(parameter.tensor.grad(), golden::parameter_of(one, "out.grad.param.", parameter.name)) < tolerance);
  }
}

}  // namespace

TEST_CASE("losses agree with the reference in value and gradients") {
  const auto rank_losses = golden::rank_losses();
  std::string skipped;
  const auto proxy_losses = golden::proxy_losses();
  const auto row_losses = golden::row_losses();
  for (const auto& one : golden::cases("losses")) {
    INFO(one.file);
    const auto num_classes = std::stoll(one.state.text("num_classes"));
    const auto make = [&]() -> std::unique_ptr<diva::Loss> {
      const auto factory = factories.find(one.name);
      if (factory != factories.end()) return factory->second(one.options, num_classes);
      for (const auto* family : {&proxy_losses, &rank_losses, &row_losses}) {
        const auto found = family->find(one.name);
        if (found != family->end()) return found->second(one, num_classes);
      }
      return nullptr;
    };
    if (make() == nullptr) {
      skipped += " " + one.file;
      continue;
    }
    const bool loose = one.name == "histogram" || one.name == "softtriplet";
    compare(one, *make(), torch::kFloat64, loose ? 1e-7 : 1e-9);
    compare(one, *make(), torch::kFloat32, 1e-4);
  }
  if (!skipped.empty()) WARN("losses that diva does not have, skipped:" << skipped);
}
