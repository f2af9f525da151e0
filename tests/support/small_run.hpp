#pragma once

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

#include <diva/core/files.hpp>
#include <diva/data/splits.hpp>
#include <diva/io/image.hpp>
#include <diva/training/trainer.hpp>

#include <filesystem>

/// A data set of little pictures and a run on it that takes a second.
namespace small_run {

/// Writes `classes` folders of `images` pictures of 16 x 16 pixels: each class is a bar at its own place, each picture has noise.
inline void write_images(const std::string& root, std::int64_t classes = 8, std::int64_t images = 6) {
  diva::Generator generator(42);
  for (std::int64_t c = 0; c < classes; ++c) {
    const auto folder = root + "/class" + std::to_string(100 + c);
    std::filesystem::create_directories(folder);
    for (std::int64_t i = 0; i < images; ++i) {
      diva::Image image{.height = 16, .width = 16, .channels = 1, .pixels = {}};
      for (std::int64_t p = 0; p < 256; ++p) {
        const bool bar = (p / 16 + p % 16 * (c % 2)) / 2 % 8 == c / 2;
        image.pixels.push_back(static_cast<std::uint8_t>(generator.below(128) + (bar ? 127 : 0)));
      }
      diva::write_file_atomically(folder + "/" + std::to_string(i) + ".png", diva::encode_png(image));
    }
  }
}

inline std::shared_ptr<const diva::ImageStore> store(const diva::Dataset& dataset) {
  return std::make_shared<const diva::ImageStore>(dataset, diva::ImageStoreOptions{.channels = 1, .cache = true});
}

/// All four heads, for three epochs of four steps.
inline diva::TrainingOptions options() {
  diva::TrainingOptions options;
  options.network = {.backbone = "conv4",
                     .backbone_options = {.in_channels = 1, .widths = {8}},
                     .heads = {"discriminative", "selfsimilarity", "shared", "intra"},
                     .embed_dim = 8};
  options.objective.key_batches = 3;
  options.objective.rho = {10};
  options.objective.separation = {.hidden_dim = 8, .learning_rate = 1e-3};
  options.optimizer.learning_rate = 1e-2;
  options.optimizer.schedule.milestones = {2};
  options.sampler = {.batch_size = 6, .samples_per_class = 2};
  options.augmentation = {.image_size = 16,
                          .channels = 1,
                          .min_crop_area = 0.7,
                          .horizontal_flip = 0,
                          .evaluation_resize = 16,
                          .mean = {0.4},
                          .standard_deviation = {0.3}};
  options.evaluation = {.metrics = {"recall@1"}, .batch_size = 16};
  options.epochs = 3;
  return options;
}

/// Keeps what a run tells.
struct Recorder : diva::Observer {
  void on(const diva::StepEvent& event) override { steps.push_back(event); }
  void on(const diva::EvaluationEvent& event) override { evaluations.push_back(event); }
  void on(const diva::CheckpointEvent& event) override { checkpoints.push_back(event); }
  void on(const diva::WarningEvent& event) override { warnings.push_back(event.text); }
  std::vector<diva::StepEvent> steps;
  std::vector<diva::EvaluationEvent> evaluations;
  std::vector<diva::CheckpointEvent> checkpoints;
  std::vector<std::string> warnings;
};

/// The pictures on the disk, and their two halves by class.
struct Pictures {
  Pictures() {
    write_images(folder.path());
    split = diva::zero_shot_split(diva::folder_of_classes(folder.path()));
    train = store(split.train);
    test = store(split.test);
  }
  TemporaryFolder folder;
  diva::Split split;
  std::shared_ptr<const diva::ImageStore> train, test;
};

}  // namespace small_run
