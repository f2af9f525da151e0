#include <benchmark/benchmark.h>
#include <torch/types.h>
#include <diva/core/generator.hpp>
#include <diva/metrics/neighbour_metrics.hpp>

namespace {

// Arguments: queries, k. Lists are judged in blocks of four million neighbours, as evaluate does; classes of about five samples.
void BM_judge_lists(benchmark::State& state) {
  const auto queries = state.range(0), k = state.range(1);
  diva::Generator generator(0);
  const auto labels = torch::arange(queries) % (queries / 5);
  const auto rows = (std::int64_t{1} << 22) / k;
  const auto indices = (generator.uniform({rows, k}) * static_cast<double>(queries)).to(torch::kInt64).clamp_max(queries - 1);
  for (auto _ : state) {
    const auto relevant = diva::count_relevant(labels, labels);
    for (std::int64_t first = 0; first < queries; first += rows) {
      const auto count = std::min(rows, queries - first);
      const diva::Retrieval list{diva::neighbour_hits(indices.slice(0, 0, count), labels.slice(0, first, first + count), labels),
                                 relevant.slice(0, first, first + count)};
      benchmark::DoNotOptimize(recall_at(list, 1));
      benchmark::DoNotOptimize(recall_at(list, k));
      benchmark::DoNotOptimize(average_precision(list, k));
      benchmark::DoNotOptimize(average_precision_at_r(list));
      benchmark::DoNotOptimize(ndcg_at(list, k));
    }
  }
  state.SetItemsProcessed(state.iterations() * queries * k);
}
BENCHMARK(BM_judge_lists)->Args({5924, 100})->Args({60502, 10})->Args({60502, 1000})->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
