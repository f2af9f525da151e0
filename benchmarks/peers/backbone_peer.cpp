// One side of backbones.py: reads weights and images, prints the processor's seconds of inference and of a training step as JSON.
#include "../../examples/support/heap.hpp"

#include <fmt/format.h>
#include <torch/utils.h>
#include <diva/backbones/weights.hpp>
#include <diva/io/torch_checkpoint.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <ctime>
#include <functional>
#include <limits>

namespace {

double seconds(int repetitions, const std::function<void()>& work) {
  work();
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < repetitions; ++i) {
    const auto start = std::clock();
    work();
    best = std::min(best, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  }
  return best;
}

}  // namespace

// backbone_peer BACKBONE FILE.pth float32|bfloat16 REPETITIONS; one thread, so that other programs disturb less
int main(int argc, char** argv) {
  if (argc != 5) {
    fmt::print(stderr, "backbone_peer BACKBONE FILE.pth float32|bfloat16 REPETITIONS\n");
    return 2;
  }
  torch::set_num_threads(1);
  program::keep_freed_memory();  // as diva's programs do
  try {
    const auto type = std::string(argv[3]) == "bfloat16" ? torch::kBFloat16 : torch::kFloat32;
    const auto state = diva::read_torch_checkpoint(argv[2]);
    diva::Generator generator;
    const auto backbone = diva::make_backbone(argv[1], {}, generator);
    const auto report = diva::load_weights(*backbone, state);
    if (!report.whole()) throw std::runtime_error(report.text());
    backbone->to(type);
    const auto images = state.tensor("images").to(type);
    const auto repetitions = std::stoi(argv[4]);

    backbone->train(false);
    double difference = 0;
    const double inference = seconds(repetitions, [&] {
      const torch::NoGradGuard no_gradient;
      const auto features = backbone->forward(images).to(torch::kFloat32);
      const auto& expected = state.tensor("features");
      difference = (features - expected).abs().max().item<double>() / expected.abs().max().item<double>();
    });
    backbone->train(true);
    const double step = seconds(repetitions, [&] {
      for (auto& parameter : backbone->parameters()) parameter.mutable_grad() = torch::Tensor();
      backbone->forward(images).sum().backward();
    });
    fmt::print("{}\n", nlohmann::json{{"inference", inference}, {"step", step}, {"difference", difference}}.dump());
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
