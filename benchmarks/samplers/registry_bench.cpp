#include <benchmark/benchmark.h>
#include <diva/core/generator.hpp>
#include <diva/samplers/registry.hpp>

#include <string>
#include <vector>

namespace {

// 5,864 samples of 100 classes, as CUB-200-2011 trains on, with features of 128 dimensions; counters are batches.
void BM_plan_epoch(benchmark::State& state, const std::string& name) {
  diva::SamplerData data;
  for (std::int64_t i = 0; i < 5864; ++i) {
    data.labels.push_back(i % 100);
    data.categories.push_back(i % 10);
  }
  data.criterion = [](const torch::Tensor&, const torch::Tensor&, diva::Generator&) { return 0.0; };
  data.hardness = [](const torch::Tensor& features, const torch::Tensor&, diva::Generator&) { return features.square().sum(1); };
  diva::Generator generator(0);
  const auto features = generator.normal({5864, 128});
  const bool by_category = name.find("category") != std::string::npos || name == "hierarchical";
  auto sampler = diva::make_sampler({.batch_size = name == "fixed_triplets" ? 111 : 112,
                                     .name = name,
                                     .options = by_category ? R"({"categories_per_batch": 7})" : "{}"},
                                    data, generator);
  if (sampler->needs_features(0)) sampler->refresh(features);
  std::int64_t epoch = 0;
  for (auto _ : state) {
    sampler->start_epoch(++epoch);
    benchmark::DoNotOptimize(sampler->batch(epoch, 0));
  }
  state.SetItemsProcessed(state.iterations() * sampler->batches_per_epoch());
}

[[maybe_unused]] const bool registered = [] {
  for (const auto& name : diva::sampler_names()) {
    if (name.find("ampler") == std::string::npos && name != "FixedSetOfTriplets")
      benchmark::RegisterBenchmark(("BM_plan_epoch/" + name).c_str(), BM_plan_epoch, name)->Unit(benchmark::kMillisecond);
  }
  return true;
}();

}  // namespace
