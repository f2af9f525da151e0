#include <benchmark/benchmark.h>
#include <torch/types.h>
#include <diva/core/generator.hpp>
#include <diva/miners/registry.hpp>

#include <string>

namespace {

constexpr std::int64_t per_class = 4;

// The largest batch of miners that list what grows faster than B²; the others go on to 8,192.
std::int64_t largest_batch(const std::string& name) {
  if (name == "triplet_margin" || name == "angular") return 2048;  // compare every triplet
  return 8192;
}

// Arguments: batch, dim. Unit rows around the centres of their classes, of four samples each.
void mine(benchmark::State& state, const std::string& name) {
  const auto size = state.range(0), dim = state.range(1), classes = size / per_class;
  diva::Generator generator(0);
  auto x = generator.normal({classes, dim}).repeat_interleave(per_class, 0) + generator.normal({size, dim});
  x = x / x.norm(2, 1, true);
  const diva::Comparison batch = {.embeddings = x, .labels = torch::arange(classes, torch::kInt64).repeat_interleave(per_class)};
  const auto miner = diva::make_miner(name);
  for (auto _ : state) benchmark::DoNotOptimize(miner(batch, generator));
  state.SetItemsProcessed(state.iterations() * size);
}

// BM_semihard/112/128, …
[[maybe_unused]] const bool registered = [] {
  for (const auto& listing : diva::miner_listings()) {
    if (listing.summary.alias_of != nullptr || listing.name == "packaged_triplets") continue;  // which takes triplets as they come
    auto* const benchmark = benchmark::RegisterBenchmark(("BM_" + listing.name).c_str(), mine, listing.name);
    for (const std::int64_t size : {32, 112, 512, 2048, 8192}) {
      if (size > largest_batch(listing.name)) continue;
      for (const std::int64_t dim : {128, 512}) benchmark->Args({size, dim});
    }
    benchmark->Unit(benchmark::kMicrosecond)->UseRealTime();
  }
  return true;
}();

}  // namespace
