// Trains a linear map of points in the plane with the margin loss until classes lie apart. Prints the loss, which must fall.
#include <torch/optim/adam.h>
#include <diva/core.hpp>
#include <diva/losses.hpp>
#include <diva/miners.hpp>

#include <cstdio>

int main() {
  diva::Generator generator(1);
  // Four classes of 16 points around the corners of a square, stretched so much in one direction that they overlap in angle.
  const auto labels = torch::arange(64).remainder(4);
  const auto corners = torch::tensor({{1.0F, 1.0F}, {1.0F, -1.0F}, {-1.0F, 1.0F}, {-1.0F, -1.0F}});
  const auto points = (corners.index_select(0, labels) + 0.3 * generator.normal({64, 2})) * torch::tensor({10.0F, 1.0F});

  auto weight = generator.normal({2, 8}).requires_grad_();
  diva::MarginLoss loss({.boundary = 0.8}, /*num_classes=*/4);
  torch::optim::Adam adam({{{weight}, std::make_unique<torch::optim::AdamOptions>(1e-2)},
                           {loss.parameters(), std::make_unique<torch::optim::AdamOptions>(5e-4)}});

  float first = 0, last = 0;
  for (int step = 0; step < 200; ++step) {
    const auto embeddings = diva::l2_normalize(points.mm(weight));
    const auto triplets = diva::distance_weighted_triplets({embeddings, labels}, generator, {.upper_cutoff = 1.4});
    const auto value = loss.forward(embeddings, labels, triplets);
    adam.zero_grad();
    value.backward();
    adam.step();
    last = value.item<float>();
    if (step == 0) first = last;
  }
  std::printf("margin loss: %.3f at the first step, %.3f at the last\n", first, last);
  return last < first / 2 ? 0 : 1;
}
