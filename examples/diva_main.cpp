// Trains DiVA on a folder of images, with the flags of the reference code.
#include "support/data.hpp"
#include "support/heap.hpp"
#include "support/program.hpp"
#include "support/seed_flags.hpp"
#include "support/table.hpp"

#include <diva/backbones/backbone.hpp>
#include <diva/core/json.hpp>
#include <diva/distances/distance.hpp>
#include <diva/losses/reducer.hpp>
#include <diva/losses/registry.hpp>
#include <diva/losses/regularizers.hpp>
#include <diva/losses/wrappers.hpp>
#include <diva/miners/registry.hpp>
#include <diva/samplers/registry.hpp>
#include <diva/ssl/registry.hpp>
#include <diva/training.hpp>

#include <filesystem>
#include <memory>

namespace {

// Where and how a run is carried out; nothing here changes what comes out.
struct Flags {
  std::string source_path, save_path = "runs", savename = "group_plus_seed", group, project = "DiVA_Sample_Runs", wandb_key;
  std::int64_t kernels = 8, checkpoint_steps = 0, keep_last = 0;
  std::vector<std::int64_t> gpu;
  double checkpoint_minutes = 10;
  bool cache = false, reduced_decoding = false, print_recipe = false, log_online = false, markdown = false;
  std::string disk_cache, resume = "no", list;
};

void declare(CLI::App& app, Flags& f) {
  app.add_option("--source_path,--source", f.source_path, "folder of the data set, or the one that holds a folder named as it");
  app.add_option("--save_path", f.save_path, "folder for runs")->capture_default_str();
  app.add_option("--savename", f.savename, "name of the run's folder; group_plus_seed: --group, or the data set, and the seed")
      ->capture_default_str();
  app.add_option("--kernels", f.kernels, "loader threads; 0: one for each core")->capture_default_str();
  app.add_option("--gpu", f.gpu, "number of the CUDA device; the CPU where there is none");
  app.add_flag("--log_online", f.log_online, "tell how the run is sent to Weights & Biases; nothing is sent from here");
  app.add_option("--wandb_key", f.wandb_key, "not kept: wandb reads WANDB_API_KEY when the run is sent");
  app.add_option("--project", f.project, "project of Weights & Biases")->capture_default_str();
  app.add_option("--group", f.group, "first part of the run's name, and its group in Weights & Biases");
  app.add_flag("--cache", f.cache, "keep all decoded images in memory");
  app.add_option("--disk_cache", f.disk_cache, "folder that keeps decoded images from run to run");
  app.add_flag("--reduced_decoding", f.reduced_decoding,
               "decode large JPEGs at a fraction of their size where a view needs no more");
  app.add_option("--resume", f.resume, "auto: go on from the run's checkpoint where there is one")
      ->check(CLI::IsMember({"auto", "no"}))
      ->capture_default_str();
  app.add_option("--checkpoint_minutes", f.checkpoint_minutes, "minutes between checkpoints; one is also written after each epoch")
      ->capture_default_str();
  app.add_option("--checkpoint_steps", f.checkpoint_steps, "steps between checkpoints, where positive")->capture_default_str();
  app.add_option("--keep_last", f.keep_last, "so many of the last checkpoints stay beside the newest")->capture_default_str();
  app.add_flag("--print_recipe", f.print_recipe, "print the recipe that the flags mean, as JSON, and end");
  app.add_option(
      "--list", f.list,
      "print names and end: losses, wrappers, miners, samplers, distances, reducers, regularizers, ssl, decorrelation, metrics, "
      "backbones");
  app.add_flag("--markdown", f.markdown, "with --list: with formulas, sources and options, as the documentation has them");
}

// The table of a protocol for people, and the same as result.json and result.csv in the run's folder.
void report(const diva::ProtocolResult& result, const std::string& folder) {
  program::Rows rows;
  auto list = nlohmann::ordered_json::array();
  for (const auto& row : result.rows) {
    auto& values = rows.rows.emplace_back(row.combination, diva::MetricValues{}).second;
    auto metrics = nlohmann::ordered_json::object();
    for (const auto& [metric, spread] : row.values) {
      values.emplace_back(metric, spread.mean);
      if (result.runs > 1) values.emplace_back("± " + metric, spread.deviation);
      metrics[metric] = {{"mean", diva::detail::number(spread.mean)}, {"deviation", diva::detail::number(spread.deviation)}};
    }
    list.push_back({{"combination", row.combination}, {"metrics", metrics}});
  }
  fmt::print("{}", rows.table());
  program::write_text(folder + "/result.json", nlohmann::ordered_json{{"runs", result.runs}, {"rows", list}}.dump(2) + "\n");
  program::write_text(folder + "/result.csv", rows.csv());
}

void check_online(const Flags& f, const std::string& folder) {
  if (!f.wandb_key.empty()) fmt::print(stderr, "diva_main: --wandb_key is not kept; export WANDB_API_KEY before the run is sent\n");
  if (!f.log_online) return;
  fmt::print(stderr,
             "diva_main: --log_online: nothing is sent from here; python3 examples/wandb_run.py --project {}{} {} does it\n",
             f.project, f.group.empty() ? "" : " --group " + f.group, folder);
}

int run(const Flags& f, const program::RecipeFlags& flags) {
  const auto recipe = flags.recipe();
  const auto& options = recipe.training;
  if (f.print_recipe) {
    fmt::print("{}\n", diva::to_json(recipe).dump(2));
    return 0;
  }
  if (f.source_path.empty()) diva::detail::fail<diva::OptionError>("diva_main", "--source_path", "given", "nothing");
  const auto split = diva::read_dataset(recipe.dataset, f.source_path);
  const auto& test = split.test.samples;
  const auto queries = std::count_if(test.begin(), test.end(), [](const auto&sample) { return sample.is_query; }),
             gallery = std::count_if(test.begin(), test.end(), [](const auto&sample) { return sample.is_gallery; });
  const bool all_are_both = std::min(queries, gallery) == split.test.size();
  fmt::print(stderr, "{}: {} images of {} classes to train on, {} of {} others to test{}; protocol {}\n", recipe.dataset,
             split.train.size(), split.train.num_classes(), split.test.size(), split.test.num_classes(),
             all_are_both ? "" : fmt::format(", {} queries in a gallery of {}", queries, gallery),
             diva::to_string(recipe.protocol.name));
  if (options.weights.empty() && !flags.given("--not_pretrained"))
    fmt::print(stderr,
               "diva_main: the backbone's weights are drawn; the published runs start from ImageNet's, by --weights FILE\n");
  const diva::ImageStoreOptions store{
      .channels = options.augmentation.channels, .cache = f.cache, .disk_cache = f.disk_cache, .reduce = f.reduced_decoding};
  const auto make_store = [&](const diva::Dataset& part) { return std::make_shared<const diva::ImageStore>(part, store); };

  const auto named = fmt::format("{}_s{}", f.group.empty() ? recipe.dataset : f.group, options.seed);
  const auto folder = f.save_path + "/" + (f.savename == "group_plus_seed" ? named : f.savename);
  std::filesystem::create_directories(folder);
  program::write_text(folder + "/recipe.json", diva::to_json(recipe).dump(2) + "\n");
  check_online(f, folder);
  const bool resume = f.resume == "auto";
  std::unique_ptr<diva::RunLog> log;
  std::unique_ptr<diva::ProgressObserver> bar;
  const auto begin_run = [&](const std::string& place) -> std::vector<diva::Observer*> {
    const auto progress = resume ? diva::checkpoint_progress(place) : diva::Progress{};
    log = std::make_unique<diva::RunLog>(place, progress.step, progress.epoch);
    bar = std::make_unique<diva::ProgressObserver>(std::filesystem::relative(place, f.save_path).string());
    return {log.get(), bar.get()};
  };
  const diva::StopSignal stop;
  const auto result = diva::run_protocol(options, recipe.protocol, split, make_store,
                                         {.folder = folder,
                                          .resume = resume,
                                          .checkpoint_minutes = f.checkpoint_minutes,
                                          .checkpoint_steps = f.checkpoint_steps,
                                          .keep_last = f.keep_last,
                                          .device = program::device("diva_main", f.gpu),
                                          .loader = {.threads = f.kernels},
                                          .stop = diva::StopSignal::requested},
                                         begin_run);
  if (result.finished) report(result, folder);
  fmt::print(stderr, "{}; see {}\n", result.finished ? "finished" : "stopped", folder);
  return result.finished ? 0 : 130;
}

std::vector<diva::Listing> metric_listings() {
  std::vector<diva::Listing> listings;
  for (const auto& form : diva::metric_forms()) listings.push_back({form.name, {.formula = form.meaning.c_str()}, {}});
  return listings;
}

// What --list and --markdown print, by its word.
int list(const std::string& word, bool markdown) {
  struct Registry {
    std::string word;
    std::string title;
    std::vector<diva::Listing> (*listings)();
    std::vector<diva::OptionText> common = {};
  };
  const std::vector<Registry> registries = {
      {"losses", "Losses", diva::loss_listings},
      {"wrappers", "Criteria around others", diva::wrapper_listings},
      {"miners", "Miners", diva::miner_listings},
      {"samplers", "Samplers", diva::sampler_listings},
      {"distances", "Distances", diva::distance_listings, diva::option_texts(diva::DistanceOptions{})},
      {"reducers", "Reducers", diva::reducer_listings, diva::option_texts(diva::ReducerOptions{})},
      {"regularizers", "Regularisers", diva::regularizer_listings},
      {"ssl", "Self-supervised tasks", diva::ssl_listings},
      {"decorrelation", "Decorrelation of heads", diva::decorrelation_listings},
      {"metrics", "Metrics", metric_listings},
      {"backbones", "Backbones", diva::backbone_listings, diva::option_texts(diva::BackboneOptions{})},
  };
  std::vector<std::string> words;
  words.reserve(registries.size());
  for (const auto& registry : registries) words.push_back(registry.word);
  for (const auto& registry : registries) {
    if (registry.word != word) continue;
    const auto listings = registry.listings();
    if (markdown) {
      fmt::print("{}", diva::to_markdown(registry.title, listings, registry.common));
    } else {
      for (const auto& listing : listings) fmt::print("{}\n", listing.name);
    }
    return 0;
  }
  diva::detail::fail_unknown("diva_main", "--list", word, words);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Trains DiVA on a folder of images and evaluates it on classes never seen in training.", "diva_main");
  Flags flags;
  declare(app, flags);
  const program::RecipeFlags recipe(app);
  if (const int status = program::parse(app, argc, argv); status >= 0) return status;
  program::use_threads();
  program::keep_freed_memory();
  return program::guarded("diva_main", [&] { return flags.list.empty() ? run(flags, recipe) : list(flags.list, flags.markdown); });
}
