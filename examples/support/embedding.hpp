#pragma once

#include "support/data.hpp"
#include "support/program.hpp"

#include <diva/backbones.hpp>
#include <diva/io/torch_checkpoint.hpp>
#include <diva/training.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// A checkpoint and the images that go through its network.
namespace program {

struct EmbeddingFlags {
  std::string checkpoint = {}, backbone = {}, weights = {}, data = {}, dataset = "folder", part = "all";
  std::int64_t batch_size = 0, kernels = 0, image_size = 224, resize = 0;
  std::vector<std::int64_t> gpu = {};

  void declare(CLI::App& app) {
    app.add_option("--checkpoint", checkpoint, "a run's checkpoint.safetensors");
    app.add_option("--backbone", backbone,
                   "in place of a checkpoint: a backbone (diva_main --list backbones), whose features, L2-normalised, are the head "
                   "`features`");
    app.add_option("--weights", weights,
                   "its weights: a .pth or .safetensors file of torchvision, timm, pretrainedmodels or DINO; or, with the backbone "
                   "torchscript or aot_inductor, the program");
    app.add_option("--image_size", image_size, "side of its images")->capture_default_str();
    app.add_option("--resize", resize, "short side before the centre crop; 0: 256/224 of --image_size")->capture_default_str();
    app.add_option("--data", data, "folder of images that its network embeds");
    app.add_option("--dataset", dataset,
                   "how that folder is laid out: images (no classes), " + dataset_names() + " (diva_data list tells how)")
        ->capture_default_str();
    app.add_option("--part", part, "classes: train (the first half, omniglot's background), test, or all")
        ->check(CLI::IsMember({"train", "test", "all"}))
        ->capture_default_str();
    app.add_option("--batch_size", batch_size, "images embedded at once; 0: as in the recipe")->capture_default_str();
    app.add_option("--kernels", kernels, "loader threads; 0: one for each core")->capture_default_str();
    app.add_option("--gpu", gpu, "number of the CUDA device; the CPU where there is none");
  }
};

/// A network with its images, ready to embed.
struct EmbeddingWork {
  std::string name;
  diva::TrainedNetwork trained;
  std::shared_ptr<const diva::ImageStore> store;
  std::int64_t batch_size;
  torch::Device device;
  diva::Loader loader;

  EmbeddingWork(std::string program, const EmbeddingFlags& flags)
      : name(std::move(program)),
        trained(load(name, flags)),
        store(std::make_shared<const diva::ImageStore>(read_part(flags.dataset, flags.data, flags.part),
                                                       diva::ImageStoreOptions{.channels = trained.recipe.augmentation.channels})),
        batch_size(flags.batch_size > 0 ? flags.batch_size : trained.recipe.evaluation.batch_size),
        device(program::device(name, flags.gpu)),
        loader(store, trained.recipe.augmentation, diva::Generator(0), {.threads = flags.kernels}) {
    trained.network.to(device);
  }

  /// Every batch in order, with its progress on the error stream.
  void run(const std::function<void(const diva::Embeddings&, const torch::Tensor& labels)>& receive) {
    const auto show = progress();
    diva::embed_batches(trained.network, loader, batch_size, device,
                        [&](const diva::Embeddings& embeddings, const torch::Tensor& labels, std::int64_t done) {
                          receive(embeddings, labels);
                          show(done, store->size());
                        });
  }

  /// All of them at once, likewise.
  diva::EmbeddedSet embedded() { return diva::embed(trained.network, loader, batch_size, store->size(), device, progress()); }

 private:
  [[nodiscard]] std::function<void(std::int64_t done, std::int64_t total)> progress() const {
    using Clock = std::chrono::steady_clock;
    return [this, line = std::make_shared<diva::StatusLine>(), start = Clock::now()](std::int64_t done, std::int64_t total) {
      const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
      const double left = seconds / static_cast<double>(done) * static_cast<double>(total - done);
      line->show(fmt::format("{} {} {}/{} images, {:.0f}/s, {} left", name, diva::progress_bar(done, total), done, total,
                             static_cast<double>(done) / seconds, diva::format_duration(left)),
                 done == total);
    };
  }

  static diva::TrainedNetwork load(const std::string& program, const EmbeddingFlags& flags) {
    const bool trained = flags.backbone.empty();
    for (const auto& [flag, value] :
         {trained ? std::pair{"--checkpoint", flags.checkpoint} : std::pair{"--weights", flags.weights}, {"--data", flags.data}}) {
      if (value.empty()) diva::detail::fail<diva::OptionError>(program, flag, "given", "nothing");
    }
    return trained ? diva::load_network(flags.checkpoint) : pretrained(program, flags);
  }

  /// The backbone with one head that hands its features on.
  static diva::TrainedNetwork pretrained(const std::string& program, const EmbeddingFlags& flags) {
    const bool is_program = flags.backbone == "torchscript" || flags.backbone == "aot_inductor";
    diva::TrainingOptions recipe;
    recipe.network.backbone = flags.backbone;
    recipe.network.backbone_options.image_size = flags.image_size;
    if (is_program) recipe.network.backbone_options.file = flags.weights;
    recipe.network.heads = {"features"};
    recipe.augmentation.image_size = flags.image_size;
    recipe.augmentation.evaluation_resize = flags.resize > 0 ? flags.resize : flags.image_size * 256 / 224;
    recipe.evaluation.combinations = {"features"};
    recipe.evaluation.batch_size = 32;
    diva::Generator generator;
    auto backbone = diva::make_backbone(flags.backbone, recipe.network.backbone_options, generator);
    if (!is_program) {
      const auto report = diva::load_weights(*backbone, diva::read_weights(flags.weights));
      if (!report.whole()) {
        diva::detail::fail<diva::DataError>(program, "--weights", "those of the backbone " + flags.backbone, report.text());
      }
    }
    recipe.network.embed_dim = backbone->feature_dim();
    diva::Heads heads(recipe.network.heads, recipe.network.embed_dim, recipe.network.embed_dim, generator);
    for (auto& parameter : heads.parameters()) {
      parameter.set_requires_grad(false).zero_();
      if (parameter.dim() == 2) parameter.fill_diagonal_(1);
    }
    diva::Network network(std::move(backbone), std::move(heads));
    network.train(false);
    return {std::move(network), std::move(recipe)};
  }
};

}  // namespace program
