// One side of losses.py: reads inputs and a list of criteria, prints value, length of the gradient and seconds of each as JSON
// lines.
#include <fmt/format.h>
#include <torch/utils.h>
#include <diva/core/generator.hpp>
#include <diva/io/safetensors.hpp>
#include <diva/losses/registry.hpp>
#include <diva/miners/registry.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <limits>

namespace {

using Clock = std::chrono::steady_clock;

// The peer's proxies in place of ours, transposed where it stores them the other way round.
void take_parameters(diva::Loss& loss, const diva::State& inputs, const std::string& label) {
  const auto found = inputs.tensors.find("param." + label);
  if (found == inputs.tensors.end()) return;
  const torch::NoGradGuard no_gradient;
  auto parameter = loss.parameters().at(0);
  const auto& value = found->second;
  parameter.copy_(value.sizes() == parameter.sizes() ? value : value.t());
}

nlohmann::json measure(const nlohmann::json& task, const diva::State& inputs, int repetitions) {
  const auto labels = inputs.tensor("labels");
  auto x = inputs.tensor("embeddings").clone().requires_grad_();
  const auto classes = labels.max().item<std::int64_t>() + 1;
  diva::Generator generator(1);
  const auto loss = diva::make_loss(task.at("loss").get<std::string>(), {.num_classes = classes, .embed_dim = x.size(1)},
                                    task.at("options").dump(), generator);
  take_parameters(*loss, inputs, task.at("label").get<std::string>());
  const auto miner_name = task.value("miner", std::string());
  diva::Miner miner;
  if (!miner_name.empty()) miner = diva::make_miner(miner_name, task.value("miner_options", nlohmann::json::object()).dump());

  double seconds = std::numeric_limits<double>::infinity(), value = 0, length = 0;
  for (int i = 0; i < repetitions; ++i) {
    x.mutable_grad() = torch::Tensor();
    const auto start = Clock::now();
    const auto tuples = miner ? miner({.embeddings = x, .labels = labels}, generator) : diva::Tuples();
    const auto result = loss->forward(x, labels, tuples);
    result.backward();
    seconds = std::min(seconds, std::chrono::duration<double>(Clock::now() - start).count());
    value = result.item<double>();
    length = x.grad().norm().item<double>();
  }
  return {{"label", task.at("label")}, {"value", value}, {"gradient", length}, {"seconds", seconds}};
}

}  // namespace

// loss_peer INPUTS.safetensors REPETITIONS THREADS, and one task a line on the input: {label, loss, options, miner, miner_options}
int main(int argc, char** argv) {
  if (argc != 4) {
    fmt::print(stderr, "loss_peer INPUTS.safetensors REPETITIONS THREADS\n");
    return 2;
  }
  torch::set_num_threads(std::stoi(argv[3]));
  const auto inputs = diva::read_safetensors(argv[1]);
  for (std::string line; std::getline(std::cin, line);) {
    const auto task = nlohmann::json::parse(line);
    try {
      fmt::print("{}\n", measure(task, inputs, std::stoi(argv[2])).dump());
    } catch (const std::exception& error) {
      fmt::print("{}\n", nlohmann::json{{"label", task.at("label")}, {"error", error.what()}}.dump());
    }
    std::fflush(stdout);
  }
}
