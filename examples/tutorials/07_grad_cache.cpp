// A contrastive batch of 4,096 in the memory of 256: GradCache embeds in chunks, takes the gradient of the whole batch's loss, and
// embeds again chunk by chunk. Its gradient is that of the whole batch.
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <diva/core.hpp>
#include <diva/losses.hpp>

#include <cstdio>

int main() {
  diva::Generator generator(1);
  const std::int64_t batch = 4096, chunk = 256;
  const auto images = generator.normal({batch, 100});
  const auto labels = torch::arange(batch).remainder(batch / 2);  // two views of each
  torch::nn::Sequential network(torch::nn::Linear(100, 256), torch::nn::ReLU(), torch::nn::Linear(256, 32));
  diva::NtXentLoss loss;

  const auto value = diva::grad_cache(
      batch / chunk, [&](std::int64_t i) { return network->forward(images.slice(0, i * chunk, (i + 1) * chunk)); },
      [&](const torch::Tensor& embeddings) { return loss.forward(embeddings, labels); });
  const auto gradient = network->parameters()[0].grad().clone();

  network->zero_grad();
  loss.forward(network->forward(images), labels).backward();
  const auto difference = (network->parameters()[0].grad() - gradient).abs().max().item<float>();
  std::printf("loss %.4f, largest difference of the gradient from that of one batch %.1e of %.1e\n", value.item<float>(),
              difference, gradient.abs().max().item<float>());
  return difference < 1e-4F * gradient.abs().max().item<float>() ? 0 : 1;
}
