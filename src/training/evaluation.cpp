#include <torch/utils.h>
#include <diva/training/evaluation.hpp>

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

EmbeddedSet embed(Network& network, Loader& loader, std::int64_t batch_size, std::int64_t size, torch::Device device,
                  const std::function<void(std::int64_t, std::int64_t)>& progress) {
  EmbeddedSet set;
  set.labels = torch::empty({size}, torch::kInt64);
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
    rows.push_back({combination.name(), evaluate(combine(set.embeddings, combination), set.labels, metrics, clustering)});
  }
  return rows;
}

}  // namespace diva
