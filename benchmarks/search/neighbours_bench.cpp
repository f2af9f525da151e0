#include <benchmark/benchmark.h>
#include <diva/core/generator.hpp>
#include <diva/search/neighbours.hpp>

namespace {

// Arguments: rows, dim, k. Each row against all others, in clusters of 20 as embeddings are.
void BM_nearest_neighbours(benchmark::State& state) {
  const auto rows = state.range(0), dim = state.range(1), k = state.range(2);
  diva::Generator generator(0);
  auto features = generator.normal({(rows + 19) / 20, dim}).repeat({20, 1}).slice(0, 0, rows) + 0.7 * generator.normal({rows, dim});
  features = features / features.norm(2, 1, true);
  for (auto _ : state) benchmark::DoNotOptimize(diva::nearest_neighbours(features, k).indices);
  state.counters["GFLOP/s"] =
      benchmark::Counter(2e-9 * static_cast<double>(rows * rows * dim), benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(BM_nearest_neighbours)
    ->Args({13180, 256, 8})
    ->Args({13180, 256, 19})
    ->Args({13180, 256, 1000})
    ->Args({13180, 256, 13179})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
