#include <benchmark/benchmark.h>
#include <torch/autograd.h>
#include <torch/utils.h>
#include <diva/core/generator.hpp>
#include <diva/losses/registry.hpp>

#include <memory>
#include <string>

namespace {

constexpr std::int64_t per_class = 4;

// The largest batch of criteria that more than B² makes slow; the others go on to 8,192.
std::int64_t largest_batch(const std::string& name) {
  if (name == "manifold") return 512;     // solves a system of all samples and proxies: O(B³)
  if (name == "quadruplet") return 2048;  // looks up all triplets among the second negatives: O(T log B)
  return 8192;
}

struct Batch {
  torch::Tensor embeddings;
  torch::Tensor labels;
  std::unique_ptr<diva::Loss> loss;
};

// Unit rows around the centres of their classes, of four samples each.
Batch batch_of(const std::string& name, std::int64_t size, std::int64_t dim) {
  diva::Generator generator(0);
  const auto classes = size / per_class;
  auto x = generator.normal({classes, dim}).repeat_interleave(per_class, 0) + generator.normal({size, dim});
  x = x / x.norm(2, 1, true);
  return {x.requires_grad_(), torch::arange(classes, torch::kInt64).repeat_interleave(per_class),
          diva::make_loss(name, {.num_classes = classes, .embed_dim = dim}, "{}", generator)};
}

// Arguments: batch, dim. The value with the graph that training needs, all that the labels allow compared.
void forward(benchmark::State& state, const std::string& name) {
  const auto [x, labels, loss] = batch_of(name, state.range(0), state.range(1));
  for (auto _ : state) benchmark::DoNotOptimize(loss->forward(x, labels));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// Arguments: batch, dim. The gradient of embeddings and parameters alone, of one graph again and again.
void backward(benchmark::State& state, const std::string& name) {
  const auto [x, labels, loss] = batch_of(name, state.range(0), state.range(1));
  const auto value = loss->forward(x, labels);
  std::vector<torch::Tensor> inputs = {x};
  for (const auto& parameter : loss->parameters()) inputs.push_back(parameter);
  for (auto _ : state) benchmark::DoNotOptimize(torch::autograd::grad({value}, inputs, {}, true, false, true));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// BM_margin_forward/112/128, BM_margin_backward/112/128, …
[[maybe_unused]] const bool registered = [] {
  for (const auto& listing : diva::loss_listings()) {
    if (listing.summary.alias_of != nullptr) continue;
    const std::string name = listing.name;
    for (const bool with_value : {true, false}) {
      auto* const benchmark = benchmark::RegisterBenchmark(("BM_" + name + (with_value ? "_forward" : "_backward")).c_str(),
                                                           with_value ? forward : backward, name);
      for (const std::int64_t size : {32, 112, 512, 2048, 8192}) {
        if (size > largest_batch(name)) continue;
        for (const std::int64_t dim : {128, 512}) benchmark->Args({size, dim});
      }
      benchmark->Unit(benchmark::kMicrosecond)->UseRealTime();
    }
  }
  return true;
}();

}  // namespace
