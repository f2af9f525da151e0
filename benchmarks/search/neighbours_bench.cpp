#include <benchmark/benchmark.h>
#include <torch/types.h>
#include <diva/core/generator.hpp>
#include <diva/search/neighbours.hpp>

namespace {

torch::Tensor clustered(std::int64_t rows, std::int64_t dim) {  // in clusters of 20, as embeddings are
  diva::Generator generator(0);
  const auto centres = generator.normal({(rows + 19) / 20, 1, dim}).expand({-1, 20, -1}).reshape({-1, dim}).slice(0, 0, rows);
  const auto features = centres + 0.7 * generator.normal({rows, dim});
  return features / features.norm(2, 1, true);
}

void count_products(benchmark::State& state, std::int64_t queries, std::int64_t gallery, std::int64_t dim) {
  state.counters["GFLOP/s"] =
      benchmark::Counter(2e-9 * static_cast<double>(queries * gallery * dim), benchmark::Counter::kIsIterationInvariantRate);
}

// Arguments: rows, dim, k. Each row against all others.
void BM_nearest_neighbours(benchmark::State& state) {
  const auto rows = state.range(0), dim = state.range(1), k = state.range(2);
  const auto features = clustered(rows, dim);
  for (auto _ : state) benchmark::DoNotOptimize(diva::nearest_neighbours(features, k).indices);
  count_products(state, rows, rows, dim);
}
BENCHMARK(BM_nearest_neighbours)
    ->ArgsProduct({{13180}, {256}, {1, 8, 19, 100, 1000, 13179}})
    ->ArgsProduct({{20000}, {512}, {1, 10, 100, 1000}})
    ->ArgsProduct({{60502}, {512}, {10, 1000}})  // Stanford Online Products
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

// Arguments: queries, gallery rows, dim, k.
void BM_nearest_neighbours_of_queries(benchmark::State& state) {
  const auto queries = state.range(0), rows = state.range(1), dim = state.range(2), k = state.range(3);
  const auto features = clustered(queries + rows, dim);
  const auto asked = features.slice(0, 0, queries).contiguous(), gallery = features.slice(0, queries).contiguous();
  for (auto _ : state) benchmark::DoNotOptimize(diva::nearest_neighbours(asked, gallery, k).indices);
  count_products(state, queries, rows, dim);
}
BENCHMARK(BM_nearest_neighbours_of_queries)
    ->ArgsProduct({{14218}, {12612}, {512}, {1, 10, 100, 1000}})  // In-Shop's
    ->Args({16, 100000, 128, 10})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
