// Fine-tunes a TorchScript program with a loss, and evaluates it before and after on classes that it was not trained on. The program
// is made here, as torch.jit.script(model).save("features.pt") would; the images are patterns under strong light of random colour.
#include <torch/optim/adam.h>
#include <torch/script.h>
#include <diva/backbones.hpp>
#include <diva/core.hpp>
#include <diva/losses.hpp>
#include <diva/metrics.hpp>

#include <cstdio>

namespace {

void write_program(const char* path, diva::Generator& generator) {
  torch::jit::Module program("features");
  program.register_parameter("weight", (0.2 * generator.normal({24, 3, 5, 5})).set_requires_grad(true), false);
  program.register_parameter("bias", torch::zeros({24}).set_requires_grad(true), false);
  program.define("def forward(self, images):\n  return torch.relu(torch.conv2d(images, self.weight, self.bias, [2, 2]))\n");
  program.save(path);
}

double recall(diva::Backbone& network, const torch::Tensor& images, const torch::Tensor& labels) {
  const torch::NoGradGuard no_gradient;
  network.train(false);
  const auto embeddings = diva::l2_normalize(network.forward(images));
  network.train();
  diva::Generator generator(1);
  return diva::evaluate(embeddings, labels, {"recall@1"}, generator).front().second;
}

}  // namespace

int main() {
  diva::Generator generator(1);
  const auto labels = torch::arange(600).remainder(60);
  const auto patterns = generator.normal({60, 3, 12, 12}).index_select(0, labels).add(generator.normal({600, 3, 12, 12}));
  const auto images = patterns + 3 * generator.normal({600, 3, 1, 1});
  const auto train = (labels < 30).nonzero().squeeze(1), test = (labels >= 30).nonzero().squeeze(1);
  const auto test_images = images.index_select(0, test), test_labels = labels.index_select(0, test);

  write_program("features.pt", generator);
  const auto network = diva::make_backbone("torchscript", {.file = "features.pt"}, generator);
  const auto before = recall(*network, test_images, test_labels);

  diva::MultiSimilarityLoss loss;
  torch::optim::Adam adam(network->parameters(), torch::optim::AdamOptions(1e-2));
  for (int step = 0; step < 100; ++step) {
    const auto rows = train.index_select(0, generator.permutation(train.size(0)).slice(0, 0, 100));
    const auto value =
        loss.forward(diva::l2_normalize(network->forward(images.index_select(0, rows))), labels.index_select(0, rows));
    adam.zero_grad();
    value.backward();
    adam.step();
  }
  const auto after = recall(*network, test_images, test_labels);
  std::printf("recall@1 on new classes: %.3f before, %.3f after\n", before, after);
  return after > before + 0.1 ? 0 : 1;
}
