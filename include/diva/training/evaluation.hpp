#pragma once

#include <diva/core/generator.hpp>
#include <diva/data/loader.hpp>
#include <diva/heads/combination.hpp>
#include <diva/metrics/protocol.hpp>
#include <diva/training/events.hpp>
#include <diva/training/network.hpp>

#include <functional>
#include <string>
#include <vector>

namespace diva::inline v0_1 {

struct EvaluationOptions {
  std::vector<std::string> metrics = {"recall@1", "recall@2", "recall@4",
                                      "recall@8", "map@r",    "nmi"};  ///< Names that evaluate takes.
  /// Names of heads, `Combined_…`, "all" (see all_combinations), or "all_sop" (the weights published for Online Products).
  std::vector<std::string> combinations = {"all"};
  std::int64_t batch_size = 112;  ///< Images embedded at once.
  std::int64_t every_epochs = 1;  ///< Epochs between evaluations during training; the last epoch always ends with one.
  /// What makes an evaluation the best of a run: METRIC, of the combination that has most of it, or COMBINATION:METRIC. Empty: the
  /// first of `metrics`. The seed's `--storage_metrics`.
  std::string select = {};
};

template <class Visitor>
void describe(EvaluationOptions& options, Visitor&& visit) {
  visit("metrics", options.metrics, "names of the metrics", any_value);
  visit("combinations", options.combinations, "heads, Combined_HEAD_HEAD-WEIGHT-WEIGHT, all, or all_sop", any_value);
  visit("batch_size", options.batch_size, "images embedded at once", at_least(1));
  visit("every_epochs", options.every_epochs, "epochs between evaluations", at_least(1));
  visit("select", options.select, "what makes an evaluation the best: METRIC or COMBINATION:METRIC; empty: the first metric",
        any_value);
}

/// Embeddings of a whole data set, in its order, on the CPU.
struct EmbeddedSet {
  Embeddings embeddings;         ///< [N, embed_dim] float32 a head.
  torch::Tensor labels;          ///< [N] int64.
  EvaluationSamples roles = {};  ///< Of the data set (evaluation_samples), without features and labels.
};

/// What a data set says of its samples' evaluation: labels, sequences, queries and gallery; features and ids are left undefined, as
/// are sequences where no sample has one and roles that all samples have.
EvaluationSamples evaluation_samples(const Dataset& dataset);

/// Embeds every sample by its evaluation view, in order, and hands each batch on: embeddings on `device`, labels on the CPU. So a
/// data set of any size takes the memory of a batch. The network is in evaluation mode meanwhile and in training mode afterwards.
/// `receive` is told the embeddings, the labels and how many images are done with these.
void embed_batches(Network& network, Loader& loader, std::int64_t batch_size, torch::Device device,
                   const std::function<void(const Embeddings&, const torch::Tensor& labels, std::int64_t done)>& receive);

/// Embeds every sample by its evaluation view, the network in evaluation mode and without a graph; the mode is training afterwards.
///
/// Cost: one forward pass over the data; memory N·embed_dim floats a head. `progress` is told images done and their total.
EmbeddedSet embed(Network& network, Loader& loader, std::int64_t batch_size, std::int64_t size, torch::Device device,
                  const std::function<void(std::int64_t, std::int64_t)>& progress = {});

/// The backbone's features [N, F] of every sample's evaluation view, in order, on `device`; mode and graph as in `embed`.
torch::Tensor pooled_features(Network& network, Loader& loader, std::int64_t batch_size, std::int64_t size, torch::Device device);

/// The combinations that the options name for these heads.
std::vector<Combination> chosen_combinations(const EvaluationOptions& options, const std::vector<std::string>& heads);

/// What `select` means.
struct Selection {
  std::string combination;  ///< Empty: whichever has most of it.
  std::string metric;
};
/// Throws OptionError where the options do not evaluate it.
Selection selection(const EvaluationOptions& options, const std::vector<std::string>& heads);

/// The value of a metric; OptionError where there is none of that name.
double value_of(const MetricValues& values, const std::string& metric);
/// The selected value of an evaluation.
double value_of(const std::vector<EvaluationRow>& rows, const Selection& selection);

/// Every metric for every combination, of the set's queries in its gallery. `generator` seeds the k-means of each anew, so a row
/// does not depend on the others.
std::vector<EvaluationRow> evaluate_combinations(const EmbeddedSet& set, const std::vector<Combination>& combinations,
                                                 const std::vector<std::string>& metrics, Generator generator);

}  // namespace diva::inline v0_1
