#include <benchmark/benchmark.h>
#include <diva/core/generator.hpp>
#include <diva/search/pca.hpp>

namespace {

// Arguments: rows, dim, components.
void BM_fit_pca(benchmark::State& state) {
  diva::Generator generator(0);
  const auto features = generator.normal({state.range(0), state.range(1)});
  for (auto _ : state) benchmark::DoNotOptimize(diva::fit_pca(features, {.components = state.range(2)}).total_variance);
}
BENCHMARK(BM_fit_pca)->Args({13180, 512, 128})->Args({500, 4096, 128})->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
