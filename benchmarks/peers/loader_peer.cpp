// Whether the loader keeps up with a network: images a second of the loader alone, of training steps alone, and of both together
// with the share of time that the training waits for batches. Prints a Markdown table.
#include <fmt/format.h>
#include <torch/utils.h>
#include <diva/backbones/backbone.hpp>
#include <diva/data/loader.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

namespace {

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

struct Rate {
  double by_clock = 0, by_processor = 0, waiting = 0;  // images a second; share of the time
};

// The best of the repetitions, each of which makes `images` and says how long it waited.
template <class Work>
Rate best(int repetitions, std::int64_t images, const Work& work) {
  Rate rate;
  for (int i = 0; i < repetitions; ++i) {
    const double start = seconds(), start_of_processor = processor_seconds();
    const double waited = work();
    const double took = seconds() - start, by_processor = processor_seconds() - start_of_processor;
    if (const double by_clock = static_cast<double>(images) / took; by_clock > rate.by_clock) {
      rate.by_clock = by_clock;
      rate.waiting = waited / took;
    }
    rate.by_processor = std::max(rate.by_processor, static_cast<double>(images) / by_processor);
  }
  return rate;
}

}  // namespace

// loader_peer IMAGES SIDE LOADER_THREADS NETWORK_THREADS REPETITIONS
int main(int argc, char** argv) {
  if (argc != 6) {
    fmt::print(stderr, "loader_peer IMAGES SIDE LOADER_THREADS NETWORK_THREADS REPETITIONS\n");
    return 2;
  }
  const std::int64_t side = std::stoi(argv[2]), threads = std::stoi(argv[3]), batch_size = 32;
  const int repetitions = std::stoi(argv[5]);
  torch::set_num_threads(std::stoi(argv[4]));

  diva::Dataset dataset;
  dataset.class_names = {"photographs"};
  for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[1])) {
    if (entry.path().extension() == ".jpg") dataset.samples.push_back({entry.path().string(), 0});
  }
  std::sort(dataset.samples.begin(), dataset.samples.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  diva::AugmentationOptions augmentation;
  augmentation.image_size = side;

  diva::Generator generator(1);
  const auto network = diva::make_backbone("resnet18", {}, generator);
  const auto step = [&](const torch::Tensor& images) {
    for (auto& parameter : network->parameters()) parameter.mutable_grad() = torch::Tensor();
    network->forward(images).sum().backward();
  };
  const std::int64_t steps = 4;
  const auto constant = generator.normal({batch_size, 3, side, side});
  step(constant);
  const auto alone = best(repetitions, steps * batch_size, [&] {
    for (std::int64_t i = 0; i < steps; ++i) step(constant);
    return 0.0;
  });

  fmt::print("ResNet-18, a step of {} images of {} pixels on {} threads: {:.1f} images a second, {:.1f} a second of processor.\n\n",
             batch_size, side, argv[4], alone.by_clock, alone.by_processor);
  fmt::print(
      "| loader of {} threads | images a second | a second of processor | with the network | waiting |\n|---|---|---|---|---|\n",
      threads);
  std::fflush(stdout);
  struct Case {
    std::string name;
    diva::ImageStoreOptions store;
    diva::LoaderOptions loader;
  };
  for (const auto& [name, store_options, loader_options] : std::vector<Case>{{"one view", {}, {}},
                                                                             {"two views", {}, {.views = 2}},
                                                                             {"bytes", {}, {.bytes = true}},
                                                                             {"from memory (`--cache`)", {.cache = true}, {}}}) {
    const auto store = std::make_shared<const diva::ImageStore>(dataset, store_options);
    auto options = loader_options;
    options.threads = threads;
    diva::Loader loader(store, augmentation, diva::Generator(2), options);
    const auto start = [&](std::int64_t epoch, std::int64_t batches) {
      loader.start_training(epoch, batches, [&](std::int64_t batch) {
        std::vector<std::int64_t> indices;
        for (std::int64_t i = 0; i < batch_size; ++i) indices.push_back((batch * batch_size + i) % store->size());
        return indices;
      });
    };
    const auto batches = store->size() / batch_size;
    std::int64_t epoch = 0;
    const auto by_itself = best(repetitions + 1, batches * batch_size, [&] {  // once more: the cache fills
      start(epoch++, batches);
      while (loader.next()) {
      }
      return 0.0;
    });
    const auto together = best(repetitions, steps * batch_size, [&] {
      start(epoch++, steps);
      double waited = 0;
      for (std::int64_t i = 0; i < steps; ++i) {
        const double asked = seconds();
        const auto batch = loader.next();
        if (i > 0) waited += seconds() - asked;  // nothing can be ahead of the first
        step(diva::normalise(batch->images, augmentation));
      }
      return waited;
    });
    fmt::print("| {} | {:.0f} | {:.0f} | {:.1f} | {:.1f} % |\n", name, by_itself.by_clock, by_itself.by_processor,
               together.by_clock, 100 * together.waiting);
    std::fflush(stdout);
  }
}
