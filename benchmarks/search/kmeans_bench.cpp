#include <benchmark/benchmark.h>
#include <diva/core/generator.hpp>
#include <diva/search/kmeans.hpp>

namespace {

// Arguments: rows, dim, clusters, 1 for k-means++; 20 iterations. As many clusters in the data as are sought, as loose as
// embeddings of unseen classes; the last size is that of Stanford Online Products' test split.
void BM_kmeans(benchmark::State& state) {
  const auto rows = state.range(0), dim = state.range(1), clusters = state.range(2);
  diva::Generator generator(0);
  auto features =
      generator.normal({clusters, dim}).repeat({rows / clusters + 1, 1}).slice(0, 0, rows) + generator.normal({rows, dim});
  features = features / features.norm(2, 1, true);
  const auto initialisation = state.range(3) == 1 ? diva::Initialisation::plus_plus : diva::Initialisation::random;
  double objective = 0;
  for (auto _ : state) {
    diva::Generator start(1);
    objective = diva::kmeans(features, clusters, start, {.initialisation = initialisation}).objective;
  }
  state.counters["objective"] = objective;
}
BENCHMARK(BM_kmeans)
    ->Args({5924, 128, 100, 0})
    ->Args({13180, 256, 659, 0})
    ->Args({13180, 256, 659, 1})
    ->Args({60502, 512, 11316, 0})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
