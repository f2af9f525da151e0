// Embeds a folder of images with the network of a checkpoint, or with a pretrained backbone.
#include "support/embedding.hpp"
#include "support/heap.hpp"
#include "support/program.hpp"

#include <diva/core/json.hpp>
#include <diva/io.hpp>

#include <ATen/Parallel.h>

namespace {

constexpr auto name = "diva_embed";
constexpr auto examples = R"(Examples:
  diva_embed --checkpoint runs/cub200_s1/checkpoint.safetensors --data photos --dataset images --out photos.safetensors
  diva_embed --checkpoint RUN/checkpoint.safetensors --data CUB_200_2011 --dataset cub200 --part test --out test.npy
  diva_embed --backbone resnet50 --weights resnet50-0676ba61.pth --data photos --dataset images --out photos.npy

A .safetensors file holds `features` [N, D], `labels` [N], where the data set has them `is_query`, `is_gallery` and `sequences`, and,
as texts in JSON, `paths` and `classes`. Beside a .npy file OUT.npy stand OUT.labels.npy, …, OUT.paths.json and OUT.classes.json.
Either appears when it is complete. Features of any number of images take the memory of a batch. Status: 0, 1 when something is wrong with the data, 2 with the flags.)";

struct Flags {
  program::EmbeddingFlags embedding{.part = "all"};
  std::string combination, out;
  diva::FeatureType type = diva::FeatureType::float32;
  std::int64_t threads = 0;
};

void declare(CLI::App& app, Flags& f) {
  app.footer(examples);
  f.embedding.declare(app);
  app.add_option("--combination", f.combination,
                 "a head, or Combined_HEAD_HEAD-WEIGHT-WEIGHT; default: all heads with equal weights");
  app.add_option("--out", f.out, "the file to write, .npy or .safetensors");
  program::add_enum(app, "--type", f.type, "of the stored features");
  app.add_option("--threads", f.threads, "threads of the computation; 0: one for each core")->capture_default_str();
}

/// Where the features go, whatever the kind of file.
class Output {
 public:
  Output(const Flags& f, const diva::Dataset& dataset, std::int64_t dim) : out_(f.out) {
    auto paths = nlohmann::json::array();
    for (const auto& sample : dataset.samples) paths.push_back(sample.path);
    std::map<std::string, std::string> texts = {{"paths", paths.dump()}};
    if (f.embedding.dataset != "images") {
      texts["classes"] = nlohmann::json(dataset.class_names).dump();
      const auto samples = diva::evaluation_samples(dataset);
      columns_ = {{"labels", samples.labels},
                  {"is_query", samples.is_query},
                  {"is_gallery", samples.is_gallery},
                  {"sequences", samples.sequences}};
      std::erase_if(columns_, [](const auto& column) { return !column.second.defined(); });
    }
    if (out_.ends_with(".npy")) {
      array_.emplace(out_, f.type == diva::FeatureType::float16 ? torch::kFloat16 : torch::kFloat32,
                     std::vector<std::int64_t>{dim});
      texts_ = std::move(texts);
    } else if (out_.ends_with(".safetensors")) {
      std::vector<std::string> names;
      for (const auto& column : columns_) names.push_back(column.first);
      store_.emplace(dim, names, diva::FeatureWriterOptions{.path = out_, .type = f.type}, std::move(texts));
    } else {
      diva::detail::fail<diva::OptionError>(name, "--out", "a name that ends in .npy or .safetensors",
                                            out_.empty() ? "nothing" : out_);
    }
  }

  void append(const torch::Tensor& features) {
    if (array_) return array_->append(features);
    std::vector<torch::Tensor> rows;
    for (const auto& [what, column] : columns_) rows.push_back(column.narrow(0, done_, features.size(0)));
    store_->append(features, rows);
    done_ += features.size(0);
  }

  void finish() {
    if (store_) {
      store_->finish();
      return;
    }
    // The features last: where they are, the rest is.
    const auto stem = out_.substr(0, out_.size() - std::string(".npy").size());
    for (const auto& [what, column] : columns_) diva::write_npy(fmt::format("{}.{}.npy", stem, what), column);
    for (const auto& [what, text] : texts_) program::write_text(fmt::format("{}.{}.json", stem, what), text + "\n");
    array_->commit();
  }

 private:
  std::string out_;
  std::optional<diva::FeatureWriter> store_;
  std::optional<diva::NpyWriter> array_;
  std::map<std::string, std::string> texts_;
  std::vector<std::pair<std::string, torch::Tensor>> columns_;  // of all samples, in order
  std::int64_t done_ = 0;
};

int run(const Flags& f) {
  program::use_threads(f.threads);
  program::keep_freed_memory();
  program::EmbeddingWork work(name, f.embedding);
  const auto& network = work.trained.recipe.network;
  const auto combination = f.combination.empty() ? diva::Combination{network.heads, std::vector<double>(network.heads.size(), 1)}
                                                 : diva::parse_combination(f.combination, network.heads);
  const auto dim = network.embed_dim * static_cast<std::int64_t>(combination.heads.size());
  Output output(f, work.store->dataset(), dim);
  work.run(
      [&](const diva::Embeddings& embeddings, const torch::Tensor&) { output.append(diva::combine(embeddings, combination)); });
  output.finish();
  fmt::print("{}: {} x {} of {}\n", f.out, work.store->size(), dim, combination.name());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Embeds a folder of images with the network of a checkpoint.", name);
  Flags flags;
  declare(app, flags);
  if (const int status = program::parse(app, argc, argv); status >= 0) return status;
  return program::guarded(name, [&] { return run(flags); });
}
