// One side of training_step.py, and by itself the cost of the training loop beside that of its parts: prints seconds of processor
// of one step as JSON.
#include "../../examples/support/heap.hpp"

#include <fmt/format.h>
#include <torch/autograd.h>
#include <torch/utils.h>
#include <diva/core/files.hpp>
#include <diva/io/image.hpp>
#include <diva/ssl/momentum.hpp>
#include <diva/training.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>

namespace {

double seconds_of(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double cheapest(int repetitions, const std::function<void()>& work) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < repetitions; ++i) {
    const double start = seconds_of(CLOCK_THREAD_CPUTIME_ID);
    work();
    best = std::min(best, seconds_of(CLOCK_THREAD_CPUTIME_ID) - start);
  }
  return best;
}

// The steps of a run: this thread's time of each, and beside it that of the loader's threads.
struct Stopwatch : diva::Observer {
  using diva::Observer::on;
  void on(const diva::StepEvent&) override {
    const double thread = seconds_of(CLOCK_THREAD_CPUTIME_ID), process = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    if (last_thread) {
      step = std::min(step, thread - *last_thread);
      loader = std::min(loader, process - *last_process - (thread - *last_thread));
    }
    last_thread = thread;
    last_process = process;
  }
  std::optional<double> last_thread, last_process;
  double step = std::numeric_limits<double>::infinity(), loader = step;
};

// Classes of four pictures of noise.
diva::Dataset write_pictures(const std::string& root, std::int64_t count, std::int64_t side) {
  diva::Generator generator(1);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto folder = fmt::format("{}/class{:04}", root, i / 4);
    std::filesystem::create_directories(folder);
    diva::Image image{.height = side, .width = side, .channels = 3, .pixels = {}};
    for (std::int64_t p = 0; p < side * side * 3; ++p) image.pixels.push_back(static_cast<std::uint8_t>(generator.below(256)));
    diva::write_file_atomically(fmt::format("{}/{}.png", folder, i), diva::encode_png(image));
  }
  return diva::folder_of_classes(root);
}

diva::TrainingOptions recipe(const std::string& backbone, std::int64_t batch, std::int64_t side) {
  diva::TrainingOptions options;
  options.network.backbone = backbone;
  options.network.backbone_options.batch_norm = diva::BatchNorm::frozen_statistics;
  options.network.heads = {"discriminative", "selfsimilarity", "shared", "intra"};
  options.objective.ssl_options = R"({"temperature": 0.01})";
  options.sampler.batch_size = batch;
  options.augmentation.image_size = side;
  options.augmentation.evaluation_resize = side * 256 / 224;
  options.evaluation = {.metrics = {"recall@1"}, .combinations = {"discriminative"}, .batch_size = batch};
  return options;
}

}  // namespace

// training_peer BACKBONE BATCH SIDE STEPS; one thread beside the loader's one, so that other programs disturb less
int main(int argc, char** argv) {
  if (argc != 5) {
    fmt::print(stderr, "training_peer BACKBONE BATCH SIDE STEPS\n");
    return 2;
  }
  torch::set_num_threads(1);
  program::keep_freed_memory();  // as diva's programs do
  const auto root = std::filesystem::temp_directory_path() / fmt::format("training_peer_{}", ::getpid());
  try {
    const std::int64_t batch = std::stoll(argv[2]), side = std::stoll(argv[3]);
    const int steps = std::stoi(argv[4]);
    const auto options = recipe(argv[1], batch, side);
    const auto dataset = write_pictures(root.string(), batch * (steps + 1), side);
    const diva::ImageStoreOptions cached{.cache = true};
    const auto store = std::make_shared<const diva::ImageStore>(dataset, cached);
    auto few = dataset;
    few.samples.resize(8);
    Stopwatch watch;
    auto one_epoch = options;
    one_epoch.epochs = 1;
    diva::train(one_epoch, store, std::make_shared<const diva::ImageStore>(few, cached),
                {.loader = {.threads = 1}, .observers = {&watch}});

    // The parts by themselves, on one batch.
    diva::Network network(options.network, diva::Generator(0));
    auto keys_from = network.clone();
    keys_from.train(false);
    diva::Objective objective(options.objective, options.network.heads, dataset.num_classes(), options.network.embed_dim,
                              diva::Generator(1));
    diva::Generator generator(2);
    const auto images = generator.normal({batch, 3, side, side}, torch::kFloat32);
    const auto labels = torch::arange(batch).div(2, "floor");
    const auto unit = [&](std::int64_t rows) {
      const auto x = generator.normal({rows, options.network.embed_dim}, torch::kFloat32);
      return x / x.norm(2, 1, true);
    };
    const auto queue = unit(options.objective.key_batches * batch);
    torch::Tensor features, keys;
    const auto gradient = torch::ones({batch, network.backbone().feature_dim()});
    const auto forget = [&] {
      for (auto& parameter : network.parameters()) parameter.mutable_grad() = torch::Tensor();
    };
    const double backbone = cheapest(steps, [&] {
      forget();
      features = network.backbone().forward(images);
      features.backward(gradient);
    });
    const double key = cheapest(steps, [&] {
      const torch::NoGradGuard no_gradient;
      keys = keys_from.forward(images, "selfsimilarity");
    });
    const double loss = cheapest(std::max(steps, 5), [&] {
      auto input = features.detach().requires_grad_();
      const auto embeddings = network.heads().forward(input);
      auto mining = generator;
      objective.forward(embeddings, labels, objective.mine(embeddings, labels, mining), keys, queue).total.backward();
    });
    fmt::print("{}\n",
               nlohmann::json{{"step", watch.step}, {"loader", watch.loader}, {"backbone", backbone}, {"key", key}, {"loss", loss}}
                   .dump());
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    std::filesystem::remove_all(root);
    return 1;
  }
  std::filesystem::remove_all(root);
}
