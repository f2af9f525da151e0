// Features that arrive batch by batch go to a file in place, and are judged there without a second copy: the example of
// docs/programs.md.
#include <diva/core.hpp>
#include <diva/io/feature_writer.hpp>
#include <diva/metrics/protocol.hpp>

#include <cstdio>
#include <vector>

struct Batch {
  torch::Tensor images, labels;
};

int main() {
  diva::Generator draws(7);
  const auto centres = draws.normal({20, 128});
  std::vector<Batch> batches;
  for (int i = 0; i < 10; ++i) {
    const auto labels = torch::arange(40).remainder(20);
    batches.push_back({centres.index_select(0, labels) + 0.5 * draws.normal({40, 128}), labels});
  }
  const auto embed = [](const Batch& batch) { return diva::l2_normalize(batch.images); };

  diva::FeatureWriter writer(128, {"labels"}, {.path = "test.safetensors"});  // without a path: in memory
  for (const auto& batch : batches) writer.append(embed(batch), {batch.labels});
  const auto store = writer.finish();  // features are the mapped file
  const auto sets = diva::evaluation_sets({.features = store.tensor("features"), .labels = store.tensor("labels")});
  diva::Generator generator(1);
  const auto values = diva::evaluate(sets.queries, sets.gallery, {"recall@1", "map@r"}, generator);

  for (const auto& [name, value] : values) std::printf("%s %.3f\n", name.c_str(), value);
  return values[0].second > 0.9 ? 0 : 1;
}
