#include <torch/utils.h>
#include <diva/training/evaluation.hpp>

#include <algorithm>

namespace diva {

void embed_batches(Network& network, Loader& loader, std::int64_t batch_size, torch::Device device,
                   const std::function<void(const Embeddings&, const torch::Tensor&, std::int64_t)>& receive) {
  torch::NoGradGuard no_grad;
  network.train(false);
  loader.start_evaluation(batch_size);
  std::int64_t done = 0;
  while (auto batch = loader.next()) {
    done += batch->labels.size(0);
    receive(network.forward(normalise(batch->images.to(device), loader.augmentation())), batch->labels, done);
  }
  network.train(true);
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
    if (name == "all") {
      const auto all = all_combinations(heads);
      result.insert(result.end(), all.begin(), all.end());
    } else {
      result.push_back(parse_combination(name, heads));
    }
  }
  return result;
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

}  // namespace diva
