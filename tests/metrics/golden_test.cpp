// Reference: Revisiting's metrics, scikit-learn and pytorch-metric-learning, see tests/golden/README.md. 1e-9 relative; 1e-6 for
// what the reference computed in float32: class means (dists@inter and the ratio), reciprocal ranks, and all that OML gives.
// metrics_peers: values of scikit-learn, pytorch-metric-learning and OML, made by make_metrics_peers.py there.
#include "support/golden.hpp"

#include <diva/metrics/clustering_metrics.hpp>
#include <diva/metrics/embedding_metrics.hpp>
#include <diva/metrics/evaluate.hpp>
#include <diva/metrics/neighbour_metrics.hpp>
#include <diva/metrics/verification.hpp>
#include <diva/search/neighbours.hpp>

#include <map>
#include <set>
#include <utility>

namespace {

using diva::EntropyMean;
using Table = const diva::Contingency&;
const std::map<std::string, double (*)(Table)> of_clusters = {
    {"nmi", [](Table t) { return nmi(t); }},
    {"nmi_geometric", [](Table t) { return nmi(t, EntropyMean::geometric); }},
    {"nmi_min", [](Table t) { return nmi(t, EntropyMean::minimum); }},
    {"nmi_max", [](Table t) { return nmi(t, EntropyMean::maximum); }},
    {"ami", [](Table t) { return ami(t); }},
    {"f1", [](Table t) { return pairwise_f1(t); }}};

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

// The two sets of a case of metrics_peers: one set with itself, or queries and gallery.
std::pair<diva::LabelledFeatures, diva::LabelledFeatures> sets_of(const golden::Case& one) {
  if (one.has("queries")) return {{one["queries"], one["query_labels"], {}}, {one["gallery"], one["gallery_labels"], {}}};
  const diva::LabelledFeatures set{one["features"], one["labels"], torch::arange(one["labels"].size(0))};
  return {set, set};
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

TEST_CASE("metrics by name agree with pytorch-metric-learning, OML and scikit-learn") {
  for (const auto& one : golden::cases("metrics_peers")) {
    if (one.has("partitions")) continue;
    const auto [queries, gallery] = sets_of(one);
    const auto values = nlohmann::ordered_json::parse(one.state.text("values"));
    diva::Generator generator(0);
    const auto check = [&, queries = queries, gallery = gallery](const std::string& name, double expected, double tolerance,
                                                                 diva::Average average = diva::Average::queries) {
      INFO(one.file << ": " << name << " over " << diva::to_string(average));
      CHECK_THAT(diva::evaluate(queries, gallery, {name}, generator, {.average = average}).front().second,
                 Catch::Matchers::WithinRel(expected, tolerance));
    };
    for (const auto average : {diva::Average::queries, diva::Average::classes}) {
      for (const auto& [name, expected] : values["pml"][std::string(diva::to_string(average))].items()) {
        if (name == "NMI" || name == "AMI") continue;  // of given clusters, below
        check(name, expected.get<double>(), name == "mean_reciprocal_rank" ? 1e-6 : 1e-9, average);
      }
    }
    for (const auto& [name, expected] : values["oml"].items()) check(name, expected.get<double>(), 1e-6);
    for (const auto& [name, expected] : values["ndcg"].items()) check(name, expected.get<double>(), 1e-9);
    for (const auto& [name, expected] : values["pairs"].items()) {
      if (name != "accuracy" && name != "f1") check(name, expected.get<double>(), 1e-9);
    }
    if (values.contains("embedding")) {
      for (const auto& [name, expected] : values["embedding"].items()) check(name, expected.get<double>(), 1e-6);
    }
  }
}

TEST_CASE("values of classes agree with pytorch-metric-learning") {
  for (const auto& one : golden::cases("metrics_peers")) {
    if (one.has("partitions")) continue;
    const auto [queries, gallery] = sets_of(one);
    const auto values = nlohmann::ordered_json::parse(one.state.text("values"));
    for (const auto& [name, expected] : values["pml"]["each_class"].items()) {
      INFO(one.file << ": " << name);
      const auto found = diva::class_means(diva::evaluate_queries(queries, gallery, {name}).front().second, queries.labels);
      std::vector<double> judged;  // the reference leaves out the classes of lone queries
      for (std::int64_t c = 0; c < found.labels.size(0); ++c) {
        if (found.judged[c].item<std::int64_t>() > 0) judged.push_back(found.values[c].item<double>());
      }
      CHECK(golden::error(torch::tensor(judged, torch::kFloat64),
                          torch::tensor(expected.get<std::vector<double>>(), torch::kFloat64)) < 1e-9);
    }
  }
}

TEST_CASE("calibrated thresholds agree with scikit-learn's curve") {
  for (const auto& one : golden::cases("metrics_peers")) {
    if (one.has("partitions")) continue;
    INFO(one.file);
    const auto [queries, gallery] = sets_of(one);
    const auto curve = diva::verification_curve(queries, gallery);
    const auto values = nlohmann::ordered_json::parse(one.state.text("values"))["pairs"];
    CHECK_THAT(diva::calibrate_to_accuracy(curve).accuracy, Catch::Matchers::WithinRel(values["accuracy"].get<double>(), 1e-9));
    CHECK_THAT(diva::calibrate_to_f1(curve).f1, Catch::Matchers::WithinRel(values["f1"].get<double>(), 1e-9));
  }
}

TEST_CASE("clustering metrics agree with scikit-learn, for every mean of the entropies and for trivial partitions") {
  const auto compare = [](const diva::Contingency& table, const nlohmann::ordered_json& values) {
    for (const auto& [name, expected] : values.items()) {
      INFO(name);
      CHECK_THAT(of_clusters.at(name)(table), Catch::Matchers::WithinRel(expected.get<double>(), 1e-9) ||
                                                  Catch::Matchers::WithinAbs(expected.get<double>(), 1e-12));
    }
  };
  for (const auto& one : golden::cases("metrics_peers")) {
    const auto values = nlohmann::ordered_json::parse(one.state.text("values"));
    if (one.has("clusters")) compare(diva::contingency(one["labels"], one["clusters"]), values["clusters"]);
    if (!one.has("partitions")) continue;
    for (std::size_t i = 0; i < values["partitions"].size(); ++i) {
      INFO(one.file << ": pair " << i);
      const auto row = static_cast<std::int64_t>(i);
      compare(diva::contingency(one["partitions"][row], one["partition_clusters"][row]), values["partitions"][i]);
    }
  }
}
