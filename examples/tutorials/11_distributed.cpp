// Two processes train as one: each embeds its share of every batch, sees the embeddings of all, and so has the loss of the whole batch;
// the sum of their gradients is that of one process. Tensors go through LibTorch's store: docs/getting_started.md tells of Gloo.
#include <sys/wait.h>
#include <torch/autograd.h>
#include <unistd.h>
#include <diva/core.hpp>
#include <diva/losses.hpp>
#include <diva/samplers.hpp>
#include <torch/csrc/distributed/c10d/FileStore.hpp>

#include <cstdio>

struct Ranks {
  c10d::FileStore store;
  std::size_t rank, world_size, calls = 0;
  std::vector<torch::Tensor> all(const torch::Tensor& own) {
    const auto key = std::to_string(calls++) + " of rank ";
    const auto* bytes = static_cast<const std::uint8_t*>(own.data_ptr());
    store.set(key + std::to_string(rank), std::vector<std::uint8_t>(bytes, bytes + own.nbytes()));
    std::vector<torch::Tensor> tensors;
    for (std::size_t r = 0; r < world_size; ++r)
      tensors.push_back(torch::from_blob(store.get(key + std::to_string(r)).data(), own.sizes(), own.options()).clone());
    return tensors;
  }
};

torch::Tensor train(std::size_t rank, std::size_t world_size, const std::string& path) {
  Ranks ranks{c10d::FileStore(path, static_cast<int>(world_size)), rank, world_size};
  diva::Generator generator(1);  // of the same seed everywhere: the same data, batches and first weights
  const auto labels = torch::arange(400).remainder(20);
  const auto points = generator.normal({20, 32}).index_select(0, labels).add(generator.normal({400, 32}));
  auto weight = (0.1 * generator.normal({32, 16})).requires_grad_();
  auto whole = diva::make_sampler({.batch_size = 80, .samples_per_class = 4, .name = "m_per_class"},
                                  {{labels.data_ptr<std::int64_t>(), labels.data_ptr<std::int64_t>() + 400}}, generator);
  const diva::DistributedSampler sampler(std::move(whole), rank, world_size);
  diva::MultiSimilarityLoss loss;
  for (std::int64_t step = 0; step < sampler.batches_per_epoch(); ++step) {
    const auto rows = torch::tensor(sampler.batch(0, step));
    const auto own = diva::l2_normalize(points.index_select(0, rows).mm(weight));
    auto parts = ranks.all(own.detach());
    parts[rank] = own;  // the only part with a graph
    const auto value = loss.forward(torch::cat(parts), torch::cat(ranks.all(labels.index_select(0, rows))));
    const auto gradient = torch::autograd::grad({value}, {weight})[0];
    weight = (weight.detach() - 0.1 * torch::stack(ranks.all(gradient)).sum(0)).requires_grad_();
  }
  return weight.detach();
}

int main() {
  const auto path = "ranks." + std::to_string(getpid());
  const auto child = fork();  // before LibTorch starts threads, which a fork does not take along
  const auto weight = train(child == 0 ? 1 : 0, 2, path);
  if (child == 0) return 0;
  int status = 1;
  waitpid(child, &status, 0);
  const auto apart = (weight - train(0, 1, path + ".alone")).abs().max().item<float>();
  std::printf("largest difference of the weights from one process's: %.1e of %.2f\n", apart, weight.abs().max().item<float>());
  return status == 0 && apart < 1e-5F ? 0 : 1;
}
