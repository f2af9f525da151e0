// Embeddings of a .npy file, of any origin: the margin loss of a batch and retrieval metrics of all. Without arguments it makes a file.
#include <diva/core.hpp>
#include <diva/io.hpp>
#include <diva/losses.hpp>
#include <diva/metrics.hpp>
#include <diva/miners.hpp>

#include <cstdio>
#include <string>

int main(int argc, char** argv) {
  diva::Generator generator(1);
  const std::string features = argc == 3 ? argv[1] : "features.npy", classes = argc == 3 ? argv[2] : "labels.npy";
  if (argc != 3) {
    const auto labels = torch::arange(1000).remainder(50);
    diva::write_npy(features, generator.normal({50, 64}).index_select(0, labels).add(generator.normal({1000, 64})));
    diva::write_npy(classes, labels);
  }
  const auto embeddings = diva::l2_normalize(diva::read_npy(features).to(torch::kFloat32));
  const auto labels = diva::read_npy(classes).to(torch::kInt64);

  diva::MarginLoss loss({.boundary = 1.0}, /*num_classes=*/labels.max().item<std::int64_t>() + 1);
  const auto rows = generator.permutation(labels.size(0)).slice(0, 0, 112);
  const auto batch = embeddings.index_select(0, rows), batch_labels = labels.index_select(0, rows);
  const auto triplets = diva::distance_weighted_triplets({batch, batch_labels}, generator);
  std::printf("margin loss of a batch: %.4f\n", loss.forward(batch, batch_labels, triplets).item<float>());

  for (const auto& [name, value] : diva::evaluate(embeddings, labels, {"recall@1", "map@r", "nmi"}, generator))
    std::printf("%s %.4f\n", name.c_str(), value);
}
