#include <benchmark/benchmark.h>
#include <diva/core/generator.hpp>
#include <diva/search/kmeans.hpp>

namespace {

// Arguments: rows, dim, clusters; 20 iterations.
void BM_kmeans(benchmark::State& state) {
  diva::Generator generator(0);
  const auto features = generator.normal({state.range(0), state.range(1)});
  for (auto _ : state) {
    diva::Generator start(1);
    benchmark::DoNotOptimize(diva::kmeans(features, state.range(2), start).objective);
  }
}
BENCHMARK(BM_kmeans)->Args({13180, 256, 659})->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
