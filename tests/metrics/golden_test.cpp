// Reference: the seed's and Revisiting's metrics, scikit-learn's NMI and AMI, and the metric-learning reality check's (pml_*), see
// tests/golden/README.md. To 1e-9, except what the reference computed in float32: dists@inter and reciprocal ranks to 1e-6.
#include "support/golden.hpp"

#include <diva/metrics/clustering_metrics.hpp>
#include <diva/metrics/embedding_metrics.hpp>
#include <diva/metrics/evaluate.hpp>

#include <cmath>

namespace {

double computed(const golden::Case& one, const std::string& name) {
  const auto x = one["features"], labels = one["labels"];
  if (name == "nmi" || name == "ami" || name == "f1") {
    const auto table = diva::contingency(labels, one["assignments"]);
    return name == "nmi" ? diva::nmi(table) : name == "ami" ? diva::ami(table) : diva::pairwise_f1(table);
  }
  const bool reality_check = name.starts_with("pml_");
  const std::map<std::string, std::string> ours = {{"pml_mean_average_precision", "mAP"},   {"pml_mean_average_precision_at_r", "map@r"},
                                                   {"pml_mean_reciprocal_rank", "mrr"},     {"pml_precision_at_1", "precision@1"},
                                                   {"pml_r_precision", "r_precision"}};
  const auto found = ours.find(name);
  diva::Generator generator(0);
  return diva::evaluate(x, labels, {found == ours.end() ? name : found->second}, generator,
                        {.variant = reality_check ? diva::Variant::fixed : diva::Variant::repo})[0].second;
}

}  // namespace

TEST_CASE("metrics agree with the references") {
  for (const auto& one : golden::cases("metrics")) {
    const auto values = nlohmann::json::parse(one.state.text("values"));
    for (const auto& [name, expected] : values.items()) {
      INFO(one.file << " " << name);
      const bool single = name.starts_with("dists@") || name == "pml_mean_reciprocal_rank";
      CHECK(std::abs(computed(one, name) / expected.get<double>() - 1) < (single ? 1e-6 : 1e-9));
    }
  }
}
