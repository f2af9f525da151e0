// Features of a frozen network, computed once, and DiVA's heads trained on them: two heads kept apart by adversarial decorrelation,
// concatenated for retrieval. The features are synthetic; read_npy("features.npy") reads yours.
#include <torch/optim/adam.h>
#include <diva/decorrelation.hpp>
#include <diva/heads.hpp>
#include <diva/losses.hpp>
#include <diva/metrics.hpp>
#include <diva/miners.hpp>

#include <cstdio>

int main() {
  diva::Generator generator(1);
  // 400 samples of 40 classes; the last 20 classes are never trained on.
  const auto labels = torch::arange(400).remainder(40);
  const auto features = generator.normal({40, 64}).index_select(0, labels).add(1.5 * generator.normal({400, 64}));
  const auto train = (labels < 20).nonzero().squeeze(1), test = (labels >= 20).nonzero().squeeze(1);

  diva::Heads heads({"discriminative", "shared"}, /*feature_dim=*/64, /*embed_dim=*/32, generator);
  diva::MarginLoss criterion({.boundary = 1.0}, 20);
  diva::AdversarialSeparation separation({{"shared", "discriminative", /*weight=*/10}}, 32, generator, {.hidden_dim = 64});
  auto parameters = heads.parameters();
  for (const auto& module : {criterion.parameters(), separation.parameters()})
    parameters.insert(parameters.end(), module.begin(), module.end());
  torch::optim::Adam adam(parameters, torch::optim::AdamOptions(1e-3));

  for (int step = 0; step < 150; ++step) {
    const auto rows = train.index_select(0, generator.permutation(train.size(0)).slice(0, 0, 80));
    const auto batch_labels = labels.index_select(0, rows);
    const auto embeddings = heads.forward(features.index_select(0, rows));
    const auto& own = embeddings.at("discriminative");
    const auto& shared = embeddings.at("shared");
    const auto own_triplets = diva::distance_weighted_triplets({own, batch_labels}, generator);
    const auto shared_triplets = diva::shared_triplets({shared, batch_labels}, generator);
    const auto value = criterion.forward(own, batch_labels, own_triplets) +
                       0.3 * criterion.forward(shared, batch_labels, shared_triplets) + separation.forward(embeddings);
    adam.zero_grad();
    value.backward();
    adam.step();
  }

  const torch::NoGradGuard no_gradient;
  const auto found = diva::combine(heads.forward(features.index_select(0, test)), {{"discriminative", "shared"}, {1, 0.5}});
  const auto values = diva::evaluate(found, labels.index_select(0, test), {"recall@1", "map@r"}, generator);
  for (const auto& [name, value] : values) std::printf("%s %.3f\n", name.c_str(), value);
  return values[0].second > 0.5 ? 0 : 1;
}
