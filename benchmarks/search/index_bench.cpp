#include <benchmark/benchmark.h>
#include <torch/types.h>
#include <diva/core/generator.hpp>
#include <diva/search/index.hpp>

#include <map>

namespace {

constexpr std::int64_t rows = 20000, dim = 128, queries = 1000;

// In clusters of 20, as embeddings are.
torch::Tensor features() {
  diva::Generator generator(0);
  auto x = generator.normal({rows / 20, dim}).repeat({20, 1}) + 0.7 * generator.normal({rows, dim});
  return x / x.norm(2, 1, true);
}

diva::IndexOptions options(std::int64_t kind) {
  return {.kind = static_cast<diva::IndexKind>(kind), .lists = 256, .construction_breadth = 100};
}

const diva::Index& index_of(std::int64_t kind) {
  static std::map<std::int64_t, diva::Index> made;
  auto found = made.find(kind);
  if (found == made.end()) {
    found = made.emplace(kind, diva::Index(dim, options(kind))).first;
    found->second.train(features());
    found->second.add(features(), torch::arange(rows));
  }
  return found->second;
}

// Arguments: IndexKind, k. Recall is that of the k nearest rows.
void BM_index_search(benchmark::State& state) {
  const auto& index = index_of(state.range(0));
  const auto asked = features().slice(0, 0, queries), expected = index_of(0).search(asked, state.range(1)).indices;
  torch::Tensor found;
  for (auto _ : state) found = index.search(asked, state.range(1)).indices;
  state.SetLabel(std::string(to_string(index.options().kind)));
  state.counters["queries/s"] = benchmark::Counter(queries, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["recall"] = (found.unsqueeze(2) == expected.unsqueeze(1)).any(2).to(torch::kFloat64).mean().item<double>();
}
BENCHMARK(BM_index_search)->ArgsProduct({{0, 1, 2, 3, 4}, {1, 10, 100}})->Unit(benchmark::kMillisecond)->UseRealTime();

// Argument: IndexKind. Training and adding 20,000 rows.
void BM_index_build(benchmark::State& state) {
  const auto x = features();
  for (auto _ : state) {
    diva::Index index(dim, options(state.range(0)));
    index.train(x);
    index.add(x, torch::arange(rows));
    benchmark::DoNotOptimize(index.size());
  }
  state.SetLabel(std::string(to_string(static_cast<diva::IndexKind>(state.range(0)))));
}
BENCHMARK(BM_index_build)->DenseRange(0, 4)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
