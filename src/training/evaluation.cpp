#include <torch/utils.h>
#include <diva/training/evaluation.hpp>

#include <algorithm>
#include <limits>

namespace diva::inline v0_1 {
namespace {

// Hands on the normalised evaluation views of every batch, on the device.
template <class Receive>
void for_each_batch(Network& network, Loader& loader, std::int64_t batch_size, torch::Device device, const Receive& receive) {
  torch::NoGradGuard no_grad;
  network.train(false);
  loader.start_evaluation(batch_size);
  std::int64_t done = 0;
  while (auto batch = loader.next()) {
    done += batch->labels.size(0);
    receive(normalise(batch->images.to(device), loader.augmentation()), batch->labels, done);
  }
  network.train(true);
}

}  // namespace

void embed_batches(Network& network, Loader& loader, std::int64_t batch_size, torch::Device device,
                   const std::function<void(const Embeddings&, const torch::Tensor&, std::int64_t)>& receive) {
  for_each_batch(network, loader, batch_size, device,
                 [&](const torch::Tensor& images, const torch::Tensor& labels, std::int64_t done) {
                   receive(network.forward(images), labels, done);
                 });
}

torch::Tensor pooled_features(Network& network, Loader& loader, std::int64_t batch_size, std::int64_t size, torch::Device device) {
  auto features = torch::empty({size, network.backbone().feature_dim()}, torch::TensorOptions(torch::kFloat32).device(device));
  for_each_batch(network, loader, batch_size, device,
                 [&](const torch::Tensor& images, const torch::Tensor& labels, std::int64_t done) {
                   features.narrow(0, done - labels.size(0), labels.size(0)).copy_(network.backbone().forward(images));
                 });
  return features;
}

EvaluationSamples evaluation_samples(const Dataset& dataset) {
  const auto column = [&](auto value_of, std::int64_t usual) {
    std::vector<std::int64_t> values;
    values.reserve(dataset.samples.size());
    for (const auto& sample : dataset.samples) values.push_back(value_of(sample));
    const bool says_nothing = std::all_of(values.begin(), values.end(), [&](auto value) { return value == usual; });
    return says_nothing ? torch::Tensor() : torch::tensor(values, torch::kInt64);
  };
  return {.labels = torch::tensor(dataset.labels(), torch::kInt64),
          .sequences = column([](const Sample& sample) { return sample.sequence; }, -1),
          .is_query = column([](const Sample& sample) { return static_cast<std::int64_t>(sample.is_query); }, 1),
          .is_gallery = column([](const Sample& sample) { return static_cast<std::int64_t>(sample.is_gallery); }, 1)};
}

EmbeddedSet embed(Network& network, Loader& loader, std::int64_t batch_size, std::int64_t size, torch::Device device,
                  const std::function<void(std::int64_t, std::int64_t)>& progress) {
  EmbeddedSet set;
  set.labels = torch::empty({size}, torch::kInt64);
  set.roles = evaluation_samples(loader.store().dataset());
  set.roles.labels = torch::Tensor();
  embed_batches(network, loader, batch_size, device,
                [&](const Embeddings& embeddings, const torch::Tensor& labels, std::int64_t done) {
                  const auto count = labels.size(0);
                  for (const auto& [head, values] : embeddings) {
                    auto& all = set.embeddings[head];
                    if (!all.defined()) all = torch::empty({size, values.size(1)}, torch::kFloat32);
                    all.narrow(0, done - count, count).copy_(values);
                  }
                  set.labels.narrow(0, done - count, count).copy_(labels);
                  if (progress) progress(done, size);
                });
  return set;
}

std::vector<Combination> chosen_combinations(const EvaluationOptions& options, const std::vector<std::string>& heads) {
  std::vector<Combination> result;
  for (const auto& name : options.combinations) {
    if (name == "all" || name == "all_sop") {
      const auto all = all_combinations(heads, name == "all_sop");
      result.insert(result.end(), all.begin(), all.end());
    } else {
      result.push_back(parse_combination(name, heads));
    }
  }
  return result;
}

Selection selection(const EvaluationOptions& options, const std::vector<std::string>& heads) {
  const auto colon = options.select.find(':');
  Selection result;
  result.metric = colon == std::string::npos ? options.select : options.select.substr(colon + 1);
  if (colon != std::string::npos) result.combination = parse_combination(options.select.substr(0, colon), heads).name();
  if (result.metric.empty() && !options.metrics.empty()) result.metric = options.metrics.front();
  if (std::find(options.metrics.begin(), options.metrics.end(), result.metric) == options.metrics.end())
    detail::fail_unknown("EvaluationOptions", "metric to select by", result.metric, options.metrics);
  std::vector<std::string> known;
  for (const auto& combination : chosen_combinations(options, heads)) known.push_back(combination.name());
  if (!result.combination.empty() && std::find(known.begin(), known.end(), result.combination) == known.end())
    detail::fail_unknown("EvaluationOptions", "combination to select by", result.combination, known);
  return result;
}

double value_of(const MetricValues& values, const std::string& metric) {
  std::vector<std::string> known;
  for (const auto& [name, value] : values) {
    if (name == metric) return value;
    known.push_back(name);
  }
  detail::fail_unknown("value_of", "metric", metric, known);
}

double value_of(const std::vector<EvaluationRow>& rows, const Selection& selection) {
  double best = -std::numeric_limits<double>::infinity();
  for (const auto& row : rows) {
    if (selection.combination.empty() || row.combination == selection.combination)
      best = std::max(best, value_of(row.values, selection.metric));
  }
  return best;
}

std::vector<EvaluationRow> evaluate_combinations(const EmbeddedSet& set, const std::vector<Combination>& combinations,
                                                 const std::vector<std::string>& metrics, Generator generator) {
  std::vector<EvaluationRow> rows;
  for (const auto& combination : combinations) {
    auto clustering = generator.fork(0);
    auto samples = set.roles;
    samples.features = combine(set.embeddings, combination);
    samples.labels = set.labels;
    const auto sets = evaluation_sets(samples);
    rows.push_back({combination.name(), evaluate(sets.queries, sets.gallery, metrics, clustering)});
  }
  return rows;
}

}  // namespace diva::inline v0_1
