// Trains DiVA and its margin-loss baseline on Omniglot and shows both beside raw pixels: `./dev demo`.
#include "support/program.hpp"

#include <diva/core/json.hpp>
#include <diva/report/report.hpp>
#include <diva/training.hpp>

#include <fmt/format.h>
#include <torch/torch.h>

#include <chrono>
#include <filesystem>
#include <set>

namespace {

struct Flags {
  std::string data = "data/omniglot", out = "runs/demo";
  std::int64_t epochs = 7, seed = 0, threads = 0, classes = 0;
  bool validation = false;
};

constexpr std::int64_t total_dimension = 256;
const std::vector<std::string> metrics = {"recall@1", "recall@2", "recall@4", "recall@8", "map@r", "nmi"};
const std::vector<std::string> diva_heads = {"discriminative", "selfsimilarity", "shared", "intra"};

// One line of the table: what was evaluated, and how it did.
struct Row {
  std::string method;
  std::int64_t dimension = 0;
  std::int64_t steps = 0;
  diva::MetricValues values = {};
};

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// The recipe of both trainings, chosen on a class-disjoint split of the background characters (--validation; docs/demo.md).
diva::TrainingOptions recipe(const Flags& flags, const std::vector<std::string>& heads) {
  diva::TrainingOptions options;
  options.network = {.backbone = "conv4",
                     .backbone_options = {.in_channels = 1, .pooling = diva::Pooling::flatten, .widths = {32, 64, 128, 256}, .image_size = 28, .last_halving = false},
                     .heads = heads,
                     .embed_dim = total_dimension / static_cast<std::int64_t>(heads.size())};
  options.objective.loss_options = R"({"boundary": 0.6, "margin": 0.2, "boundary_learning_rate": 0.0005})";
  options.objective.ssl_options = R"({"temperature": 0.1})";
  options.objective.alpha_shared = 0.1;
  options.objective.alpha_intra = 0.1;
  options.objective.alpha_ssl = 0.3;
  options.objective.key_momentum = 0.99;
  options.objective.key_batches = 10;
  options.objective.rho = {10};
  options.objective.separation = {.hidden_dim = 64, .learning_rate = 1e-3};
  options.optimizer = {.learning_rate = 4e-3, .weight_decay = 1e-4, .milestones = {flags.epochs * 4 / 7, flags.epochs * 6 / 7}, .gamma = 0.2};
  options.sampler = {.batch_size = 112, .samples_per_class = 4};
  options.augmentation = {.image_size = 28,
                          .channels = 1,
                          .crop = diva::TrainingCrop::none,
                          .horizontal_flip = 0,
                          .affine = {.max_rotation_degrees = 12, .min_scale = 0.85, .max_scale = 1.15, .max_shear_degrees = 8, .max_translation = 0.07, .fill = 255},
                          .evaluation_resize = 28,
                          .invert = true,
                          .mean = {0.08},
                          .standard_deviation = {0.25}};
  options.evaluation = {.metrics = {"recall@1"}, .combinations = {"discriminative"}, .batch_size = 256};
  if (heads.size() > 1) options.evaluation.combinations.push_back(diva::all_combinations(heads)[heads.size()].name());
  options.epochs = flags.epochs;
  options.seed = flags.seed;
  return options;
}

diva::Split read_data(const Flags& flags) {
  diva::Split split = {diva::omniglot(flags.data, diva::OmniglotPart::background), diva::omniglot(flags.data, diva::OmniglotPart::evaluation)};
  if (flags.validation) split = diva::validation_split(split.train, 0.2, diva::Generator(0));
  if (flags.classes > 0) {
    for (auto* part : {&split.train, &split.test}) {
      std::vector<std::int64_t> first(static_cast<std::size_t>(std::min(flags.classes, part->num_classes())));
      std::iota(first.begin(), first.end(), 0);
      *part = diva::select_classes(*part, first);
    }
  }
  return split;
}

std::shared_ptr<const diva::ImageStore> decode(const diva::Dataset& dataset, const std::string& what) {
  diva::StatusLine line(stderr, 5);
  return std::make_shared<const diva::ImageStore>(dataset, diva::ImageStoreOptions{.channels = 1, .short_side = 35, .cache = true},
                                                  [&](std::int64_t done, std::int64_t total) {
                                                    line.show(fmt::format("decoding {} {} {}/{}", what, diva::progress_bar(done, total), done, total), done == total);
                                                  });
}

// Pixels as features: the floor that a learned embedding must leave behind.
torch::Tensor raw_pixels(const diva::ImageStore& store, const diva::AugmentationOptions& augmentation) {
  auto pixels = torch::empty({store.size(), augmentation.image_size * augmentation.image_size});
  auto plain = augmentation;
  plain.mean = {0};
  plain.standard_deviation = {1};
  for (std::int64_t i = 0; i < store.size(); ++i) diva::evaluation_view(*store.image(i), plain, pixels[i].data_ptr<float>());
  return torch::nn::functional::normalize(pixels);
}

std::string table(const std::vector<Row>& rows) {
  std::string text = fmt::format("{:<34} {:>5} {:>6}", "", "dim", "steps");
  for (const auto& name : metrics) text += fmt::format(" {:>9}", name);
  for (const auto& row : rows) {
    text += fmt::format("\n{:<34} {:>5} {:>6}", row.method, row.dimension, row.steps);
    for (const auto& [name, value] : row.values) text += fmt::format(" {:>9.4f}", value);
  }
  return text;
}

}  // namespace
