// Trains DiVA and its margin-loss baseline on Omniglot and shows both beside raw pixels: `./dev demo`.
#include "support/heap.hpp"
#include "support/program.hpp"
#include "support/retrieval.hpp"

#include <diva/core/files.hpp>
#include <diva/core/json.hpp>
#include <diva/core/normalize.hpp>
#include <diva/data/splits.hpp>
#include <diva/report/projection.hpp>
#include <diva/report/report.hpp>
#include <diva/training.hpp>

#include <chrono>
#include <filesystem>
#include <numeric>

namespace {

struct Flags {
  std::string data = "data/omniglot", out = "runs/demo";
  std::int64_t epochs = 4, seed = 0, threads = 0, classes = 0;
  bool validation = false;
  std::string override_json = "{}";
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

// The weights with which DiVA's heads are concatenated.
diva::Combination combination() { return {diva_heads, {1, 0.5, 0.5, 0.5}}; }

// The recipe of both trainings, chosen on a class-disjoint split of the background characters (--validation; docs/demo.md).
diva::TrainingOptions recipe(const Flags& flags, const std::vector<std::string>& heads) {
  diva::TrainingOptions options;
  options.network = {.backbone = "conv4",
                     .backbone_options = {.in_channels = 1,
                                          .pooling = diva::Pooling::flatten,
                                          .widths = {32, 64, 128, 256},
                                          .last_halving = false,
                                          .image_size = 28},
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
  options.optimizer.learning_rate = 4e-3;
  options.optimizer.weight_decay = 1e-4;
  options.optimizer.schedule.milestones = {flags.epochs * 4 / 7, flags.epochs * 6 / 7};
  options.optimizer.schedule.gamma = 0.2;
  options.sampler = {.batch_size = 112, .samples_per_class = 4};
  options.augmentation = {.image_size = 28,
                          .channels = 1,
                          .crop = diva::TrainingCrop::none,
                          .horizontal_flip = 0,
                          .affine = {.max_rotation_degrees = 12,
                                     .min_scale = 0.85,
                                     .max_scale = 1.15,
                                     .max_shear_degrees = 8,
                                     .max_translation = 0.07,
                                     .fill = 255},
                          .evaluation_resize = 28,
                          .invert = true,
                          .mean = {0.08},
                          .standard_deviation = {0.25}};
  options.evaluation = {.metrics = {"recall@1"}, .combinations = {"discriminative"}, .batch_size = 256, .every_epochs = 2};
  if (heads.size() > 1) options.evaluation.combinations.push_back(combination().name());
  options.epochs = flags.epochs;
  options.seed = flags.seed;
  diva::from_json(diva::parse_json(flags.override_json, "--override"), options, "--override");
  return options;
}

diva::Split read_data(const Flags& flags) {
  diva::Split split = {diva::omniglot(flags.data, diva::OmniglotPart::background),
                       diva::omniglot(flags.data, diva::OmniglotPart::evaluation)};
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
  return std::make_shared<const diva::ImageStore>(
      dataset, diva::ImageStoreOptions{.channels = 1, .short_side = 35, .cache = true}, [&](std::int64_t done, std::int64_t total) {
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
  return diva::l2_normalize(pixels);
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

// The loss and recall curves of a run.
struct History : diva::Observer {
  using diva::Observer::on;
  void on(const diva::StepEvent& event) override {
    const auto step = static_cast<double>(event.step);
    steps_per_epoch = static_cast<double>(event.batches);
    for (const auto& [name, value] : event.terms) {
      auto& series = find(losses, name);
      // Means of twenty steps: single batches are noise.
      sums[name] += value;
      if (event.step % 20 == 0) {
        series.points.emplace_back(step, sums[name] / 20);
        sums[name] = 0;
      }
    }
  }
  void on(const diva::EvaluationEvent& event) override {
    for (const auto& row : event.rows)
      find(recalls, row.combination).points.emplace_back(static_cast<double>(event.epoch), row.values[0].second);
  }
  static diva::Series& find(std::vector<diva::Series>& all, const std::string& name) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const diva::Series& one) { return one.name == name; });
    return found != all.end() ? *found : all.emplace_back(diva::Series{name, {}});
  }
  double steps_per_epoch = 1;
  std::vector<diva::Series> losses, recalls;
  std::map<std::string, double> sums;
};

struct Trained {
  diva::EmbeddedSet set;
  History history;
  std::int64_t steps = 0;
  bool finished = false;
  double seconds = 0;
};

Trained train(const std::string& name, const Flags& flags, const std::vector<std::string>& heads,
              const std::shared_ptr<const diva::ImageStore>& training, const std::shared_ptr<const diva::ImageStore>& test) {
  const auto start = Clock::now();
  const auto options = recipe(flags, heads);
  const auto folder = flags.out + "/" + name;
  Trained trained;
  diva::RunLog log(folder);
  diva::ProgressObserver progress(name);
  auto result = diva::train(options, training, test,
                            {.folder = folder,
                             .loader = {.threads = flags.threads},
                             .stop = diva::StopSignal::requested,
                             .observers = {&log, &progress, &trained.history}});
  trained.steps = result.steps;
  trained.finished = result.finished;
  trained.seconds = seconds_since(start);
  diva::Loader loader(test, options.augmentation, diva::Generator(0), {.threads = flags.threads});
  if (result.finished) trained.set = diva::embed(result.network, loader, 256, test->size(), torch::kCPU);
  return trained;
}

diva::MetricValues measure(const torch::Tensor& features, const torch::Tensor& labels) {
  diva::Generator generator(0);
  return diva::evaluate(features, labels, metrics, generator);
}

// All images of forty classes spread over the test set.
diva::EmbeddingMap map_of(const torch::Tensor& features, const diva::Dataset& dataset) {
  const auto classes = dataset.num_classes(), shown = std::min<std::int64_t>(40, classes);
  std::vector<std::int64_t> chosen;
  diva::EmbeddingMap map;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    const auto label = dataset.samples[static_cast<std::size_t>(i)].label;
    const auto slot = label * shown / classes;
    if (slot * classes / shown + (slot * classes % shown == 0 ? 0 : 1) != label) continue;
    chosen.push_back(i);
    map.labels.push_back(dataset.class_names[static_cast<std::size_t>(label)]);
  }
  diva::Generator generator(0);
  map.points = diva::tsne_2d(features.index_select(0, torch::tensor(chosen, torch::kInt64)), generator);
  map.caption = fmt::format("t-SNE of the {} images of {} characters that were never seen in training; a colour is a character.",
                            chosen.size(), shown);
  return map;
}

void write_numbers(const std::string& path, const Flags& flags, const std::vector<Row>& rows,
                   const nlohmann::ordered_json& seconds) {
  nlohmann::ordered_json json = {{"dataset", "omniglot"},
                                 {"split", flags.validation ? "validation" : "evaluation"},
                                 {"seed", flags.seed},
                                 {"rows", nlohmann::ordered_json::array()},
                                 {"seconds", seconds}};
  for (const auto& row : rows) {
    nlohmann::ordered_json values;
    for (const auto& [name, value] : row.values) values[name] = value;
    json["rows"].push_back({{"method", row.method}, {"dimension", row.dimension}, {"steps", row.steps}, {"metrics", values}});
  }
  const auto text = json.dump(2) + "\n";
  diva::write_file_atomically(path, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

diva::LineChart chart(const std::string& title, const std::string& x, const std::string& y,
                      const std::vector<diva::Series>& series) {
  return {title, x, y, series};
}

diva::MetricTable heads_table(const Trained& trained) {
  diva::MetricTable result{"DiVA's heads and their combinations", metrics, {}};
  for (const auto& combination : diva::all_combinations(diva_heads)) {
    std::vector<double> values;
    for (const auto& [name, value] : measure(diva::combine(trained.set.embeddings, combination), trained.set.labels))
      values.push_back(value);
    result.rows.emplace_back(combination.name(), values);
  }
  return result;
}

int run(const Flags& flags) {
  const auto start = Clock::now();
  std::filesystem::create_directories(flags.out);
  const auto split = read_data(flags);
  const auto training = decode(split.train, "training images"), test = decode(split.test, "test images");
  fmt::print(stderr, "training on {} images of {} characters, testing on {} of {} others\n", training->size(),
             split.train.num_classes(), test->size(), split.test.num_classes());
  const double decoding = seconds_since(start);

  const auto pixels = raw_pixels(*test, recipe(flags, diva_heads).augmentation);
  const auto labels = torch::tensor(split.test.labels(), torch::kInt64);
  std::vector<Row> rows = {{"raw pixels", pixels.size(1), 0, measure(pixels, labels)}};

  const diva::StopSignal stop;
  const auto baseline = train("baseline", flags, {"discriminative"}, training, test);
  if (!baseline.finished) return 130;
  rows.push_back(
      {"margin loss, one head", total_dimension, baseline.steps, measure(baseline.set.embeddings.at("discriminative"), labels)});

  const auto diva_run = train("diva", flags, diva_heads, training, test);
  if (!diva_run.finished) return 130;
  const auto features = diva::combine(diva_run.set.embeddings, combination());
  rows.push_back({"DiVA, four heads", total_dimension, diva_run.steps, measure(features, labels)});

  const auto report_start = Clock::now();
  diva::ReportData report{
      .title = "DiVA on Omniglot",
      .summary = {fmt::format("Trained on {} images of {} characters, tested on {} images of {} characters of other alphabets, "
                              "never seen in training. Each "
                              "test image asks for its nearest others: recall@k is the share that finds its own character among k.",
                              training->size(), split.train.num_classes(), test->size(), split.test.num_classes()),
                  fmt::format("The baseline has one head of {} dimensions, DiVA four of {}; network, augmentation, optimiser and "
                              "steps are the same.",
                              total_dimension, total_dimension / static_cast<std::int64_t>(diva_heads.size()))}};
  diva::MetricTable summary{"Results", {"dimension", "steps"}, {}};
  summary.columns.insert(summary.columns.end(), metrics.begin(), metrics.end());
  for (const auto& row : rows) {
    std::vector<double> values = {static_cast<double>(row.dimension), static_cast<double>(row.steps)};
    for (const auto& [name, value] : row.values) values.push_back(value);
    summary.rows.emplace_back(row.method, values);
  }
  report.tables = {summary, heads_table(diva_run)};
  auto recalls = diva_run.history.recalls;
  for (auto& series : recalls) series.name = "DiVA " + series.name;
  for (const auto& series : baseline.history.recalls) recalls.push_back({"baseline " + series.name, series.points});
  report.charts = {chart("Recall@1 on unseen characters", "epoch", "recall@1", recalls),
                   chart("DiVA's loss terms", "step", "loss", diva_run.history.losses),
                   chart("Baseline's loss", "step", "loss", baseline.history.losses)};
  report.retrieval = program::retrieval(features, *test, program::spread_queries(test->size(), 12));
  report.map = map_of(features, split.test);
  const nlohmann::ordered_json seconds = {{"decoding", decoding},
                                          {"baseline", baseline.seconds},
                                          {"diva", diva_run.seconds},
                                          {"report", seconds_since(report_start)},
                                          {"total", seconds_since(start)}};
  report.summary.push_back(fmt::format("Baseline {}, DiVA {}, all {}; LibTorch computed on {} threads.",
                                       diva::format_duration(baseline.seconds), diva::format_duration(diva_run.seconds),
                                       diva::format_duration(seconds_since(start)), torch::get_num_threads()));
  diva::write_report(flags.out + "/report.html", report);
  write_numbers(flags.out + "/metrics.json", flags, rows, seconds);

  fmt::print("\n{}\n\n{} in all; report: {}/report.html\n", table(rows), diva::format_duration(seconds_since(start)), flags.out);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Trains DiVA and its margin-loss baseline on Omniglot and compares both with raw pixels.", "diva_demo");
  Flags flags;
  app.add_option("--data", flags.data, "folder with images_background and images_evaluation")->capture_default_str();
  app.add_option("--out", flags.out, "folder for the run")->capture_default_str();
  app.add_option("--epochs", flags.epochs, "epochs of each training")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--classes", flags.classes, "use only the first so many characters of each side; 0: all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--seed", flags.seed, "seed of every draw")->check(CLI::NonNegativeNumber)->capture_default_str();
  app.add_option("--threads", flags.threads, "loader threads; 0: one for each core")->capture_default_str();
  app.add_flag("--validation", flags.validation,
               "train on four fifths of the background characters and test on the rest: how the recipe was chosen");
  app.add_option("--override", flags.override_json, "JSON that overrides the recipe of both trainings, for experiments");
  if (const int status = program::parse(app, argc, argv); status >= 0) return status;
  program::use_threads();
  program::keep_freed_memory();
  return program::guarded("diva_demo", [&] { return run(flags); });
}
