// Reference: Revisiting's metrics, scikit-learn and pytorch-metric-learning, see tests/golden/README.md. 1e-9 relative; 1e-6 for
// what the reference computed in float32: class means (dists@inter and the ratio) and reciprocal ranks.
#include "support/golden.hpp"

#include <diva/metrics/clustering_metrics.hpp>
#include <diva/metrics/evaluate.hpp>
#include <diva/search/neighbours.hpp>

#include <map>
#include <set>

namespace {

const std::map<std::string, double (*)(const diva::Contingency&)> of_clusters = {
    {"nmi", diva::nmi}, {"ami", diva::ami}, {"f1", diva::pairwise_f1}};

// pytorch-metric-learning's names, and ours for the same definition.
const std::map<std::string, std::string> of_reality_check = {{"pml_mean_average_precision", "mAP"},
                                                             {"pml_mean_average_precision_at_r", "map@r"},
                                                             {"pml_mean_reciprocal_rank", "mrr"},
                                                             {"pml_precision_at_1", "precision@1"},
                                                             {"pml_r_precision", "r_precision"}};

const std::set<std::string> in_float32 = {"dists@inter", "dists@intra_over_inter", "pml_mean_reciprocal_rank"};

double value_of(const std::string& name, const golden::Case& one) {
  if (const auto found = of_clusters.find(name); found != of_clusters.end()) {
    return found->second(diva::contingency(one["labels"], one["assignments"]));
  }
  const auto renamed = of_reality_check.find(name);
  const bool ours = renamed != of_reality_check.end();
  diva::Generator generator(0);
  return diva::evaluate(one["features"], one["labels"], {ours ? renamed->second : name}, generator,
                        {.variant = ours ? diva::Variant::fixed : diva::Variant::repo})
      .front()
      .second;
}

}  // namespace

TEST_CASE("metrics agree with the reference") {
  for (const auto& one : golden::cases("metrics")) {
    const auto values = nlohmann::ordered_json::parse(one.state.text("values"));
    for (const auto& [name, expected] : values.items()) {
      INFO(one.file << ": " << name);
      CHECK_THAT(value_of(name, one),
                 Catch::Matchers::WithinRel(expected.get<double>(), in_float32.count(name) == 1 ? 1e-6 : 1e-9));
    }
  }
}

TEST_CASE("assignments of the reference are the nearest centroids") {
  for (const auto& one : golden::cases("metrics")) {
    INFO(one.file);
    CHECK(torch::equal(diva::nearest_neighbours(one["features"], one["centroids"], 1).indices.flatten(), one["assignments"]));
  }
}
