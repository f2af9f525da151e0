#include <benchmark/benchmark.h>
#include <diva/core/generator.hpp>
#include <diva/search/reranking.hpp>

namespace {

// Arguments: rows, dim, k. Each row against all others, in clusters of 20.
void BM_rerank_k_reciprocal(benchmark::State& state) {
  const auto rows = state.range(0), dim = state.range(1);
  diva::Generator generator(0);
  auto features = generator.normal({(rows + 19) / 20, dim}).repeat({20, 1}).slice(0, 0, rows) + 0.7 * generator.normal({rows, dim});
  features = features / features.norm(2, 1, true);
  for (auto _ : state) benchmark::DoNotOptimize(diva::rerank_k_reciprocal(features, state.range(2)).indices);
}
BENCHMARK(BM_rerank_k_reciprocal)->Args({5924, 128, 10})->Args({13180, 256, 100})->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
