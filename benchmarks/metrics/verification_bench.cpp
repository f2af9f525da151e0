#include <benchmark/benchmark.h>
#include <torch/types.h>
#include <diva/core/generator.hpp>
#include <diva/metrics/verification.hpp>

namespace {

// Arguments: samples, dim, classes. Clusters on the unit sphere that overlap, so that many pairs need a place among the thresholds.
void BM_verification_of_all_pairs(benchmark::State& state) {
  const auto samples = state.range(0), dim = state.range(1), classes = state.range(2);
  diva::Generator generator(0);
  const auto labels = torch::arange(samples) % classes;
  auto features = generator.normal({classes, dim}).index_select(0, labels) + generator.normal({samples, dim});
  features = features / features.norm(2, 1, true);
  for (auto _ : state) benchmark::DoNotOptimize(diva::verification_curve(features, labels, {}).different);
  state.SetItemsProcessed(state.iterations() * samples * (samples - 1) / 2);
}
BENCHMARK(BM_verification_of_all_pairs)
    ->Args({5924, 128, 100})
    ->Args({60502, 128, 11316})
    ->Args({60502, 512, 11316})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
