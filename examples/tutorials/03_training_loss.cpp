// The example of the README, run on one batch.
#include <diva/losses.hpp>
#include <diva/miners.hpp>

#include <cstdio>

constexpr std::int64_t num_classes = 3;

diva::MarginLoss loss({.boundary = 0.6}, num_classes);
diva::Generator generator(1);

torch::Tensor training_loss(const torch::Tensor& embeddings, const torch::Tensor& labels) {  // [batch, dim], [batch] int64
  const auto triplets = diva::distance_weighted_triplets({embeddings, labels}, generator);
  return loss.forward(embeddings, labels, triplets);
}

int main() {
  const auto embeddings = torch::tensor({{1.0F, 0.0F}, {0.0F, 1.0F}, {0.6F, 0.8F}, {0.8F, 0.6F}, {-1.0F, 0.0F}, {0.0F, -1.0F}});
  const auto value = training_loss(embeddings, torch::arange(6).remainder(num_classes)).item<float>();
  std::printf("%.4f\n", value);
  return value > 0 ? 0 : 1;
}
