// Computes retrieval and clustering metrics of features, or of a checkpoint on a folder of images.
#include "support/embedding.hpp"
#include "support/features.hpp"
#include "support/program.hpp"
#include "support/table.hpp"

#include <diva/io.hpp>
#include <diva/metrics.hpp>

#include <ATen/Parallel.h>
#include <unistd.h>

#include <chrono>
#include <deque>

namespace {

constexpr auto name = "diva_evaluate";
constexpr auto examples = R"(Examples:
  diva_evaluate --features x.npy --labels y.npy --metrics recall@1,recall@10,map@r,nmi --json out.json
  diva_evaluate --features test.safetensors                    # with the tensors features and labels, as diva_embed writes them
  diva_evaluate --query q.npy --query_labels q.txt --gallery g.npy --gallery_labels g.txt --k 1,10,20,30
  diva_evaluate --features x.npy --labels y.csv --sequences tracks.npy --metrics recall@1   # a query's own track is left out
  diva_evaluate --checkpoint runs/cub200_s1/checkpoint.safetensors --data CUB_200_2011 --dataset cub200
  diva_evaluate --backbone vits16 --weights dino_deitsmall16_pretrain.pth --data CUB_200_2011 --dataset cub200

Features are .npy or .safetensors; labels, ids and sequences are .npy (numbers or texts), .json, .csv (column label), .safetensors, or
text with one a line. Labels may be texts. Status: 0, 1 when something is wrong with the data, 2 with the flags.)";

struct Flags {
  std::string features, labels, ids, sequences, is_query, is_gallery;
  std::string query, query_labels, query_ids, query_sequences, gallery, gallery_labels, gallery_ids, gallery_sequences;
  std::string features_name;
  program::EmbeddingFlags embedding{.part = "test"};
  std::vector<std::string> combinations;
  std::vector<std::string> metrics;
  std::vector<std::int64_t> k;
  std::int64_t seed = 0, clusters = 0, threads = 0;
  diva::Similarity similarity = diva::Similarity::euclidean;
  std::string json, csv;
  bool list = false;
};

void declare(CLI::App& app, Flags& f) {
  app.footer(examples);
  app.add_option("--features", f.features, "[N, D], each row a query against the others");
  app.add_option("--labels", f.labels, "their classes; default: the tensor labels of the same safetensors file");
  app.add_option("--ids", f.ids, "rows of one id are the same sample, never each other's neighbours");
  app.add_option("--sequences", f.sequences, "rows of one sequence (0 or more) are never each other's neighbours");
  app.add_option("--is_query", f.is_query, "1 for rows that are queries; default: all");
  app.add_option("--is_gallery", f.is_gallery, "1 for rows that are searched; default: all");
  app.add_option("--query", f.query, "features of queries, against --gallery");
  app.add_option("--query_labels", f.query_labels, "classes of the queries");
  app.add_option("--query_ids", f.query_ids, "ids of the queries");
  app.add_option("--query_sequences", f.query_sequences, "sequences of the queries");
  app.add_option("--gallery", f.gallery, "features that are searched");
  app.add_option("--gallery_labels", f.gallery_labels, "classes of the gallery");
  app.add_option("--gallery_ids", f.gallery_ids, "ids of the gallery");
  app.add_option("--gallery_sequences", f.gallery_sequences, "sequences of the gallery");
  app.add_option("--features_name", f.features_name,
                 "tensor of a safetensors file; default: features, embeddings, or the only matrix");
  f.embedding.declare(app);
  app.add_option("--combinations", f.combinations,
                 "with --checkpoint: heads, Combined_HEAD_HEAD-WEIGHT-WEIGHT, or all; default: the recipe's")
      ->delimiter(',');
  app.add_option("--metrics", f.metrics, "names, separated by commas; --list prints them; default: recall@1,2,4,8, map@r and nmi")
      ->delimiter(',');
  app.add_option("--k", f.k, "recall@K for each of these, before the other metrics")->delimiter(',');
  app.add_option("--seed", f.seed, "seed of k-means")->capture_default_str();
  app.add_option("--clusters", f.clusters, "clusters of k-means; 0: as many as classes")->capture_default_str();
  program::add_enum(app, "--similarity", f.similarity, "what near means");
  app.add_option("--threads", f.threads, "threads of the computation; 0: one for each core. No result depends on them")
      ->capture_default_str();
  app.add_option("--json", f.json, "write the metrics to this file as JSON; - for the output stream instead of the table");
  app.add_option("--csv", f.csv, "write them as CSV; - likewise");
  app.add_flag("--list", f.list, "print the names of the metrics and end");
}

std::vector<std::string> metric_names(const Flags& f) {
  std::vector<std::string> names;
  names.reserve(names.size() + f.k.size());
  for (const auto k : f.k) names.push_back(fmt::format("recall@{}", k));
  names.insert(names.end(), f.metrics.begin(), f.metrics.end());
  return names.empty() ? std::vector<std::string>{"recall@1", "recall@2", "recall@4", "recall@8", "map@r", "nmi"} : names;
}

/// What is judged, and what the JSON says of it.
struct Task {
  std::vector<std::pair<std::string, diva::EvaluationSets>> sets = {};  // by the name of their row
  nlohmann::ordered_json about = nlohmann::ordered_json::object();
};

diva::EvaluationSamples samples(const program::FeatureFile& file, const torch::Tensor& labels, const torch::Tensor& ids,
                                const torch::Tensor& sequences) {
  return {.features = file.features, .labels = labels, .ids = ids, .sequences = sequences};
}

[[noreturn]] void fail_missing(const char* flag) { diva::detail::fail<diva::OptionError>(name, flag, "given", "nothing"); }

Task one_set(const Flags& f) {
  const auto file = program::read_features(f.features, f.features_name);
  const auto column = [&](const char* what, const std::string& path) { return program::read_columns(what, {path}, {&file})[0]; };
  const auto labels = column("labels", f.labels);
  if (!labels.defined()) fail_missing("--labels");
  auto set = samples(file, labels, column("ids", f.ids), column("sequences", f.sequences));
  set.is_query = column("is_query", f.is_query);
  set.is_gallery = column("is_gallery", f.is_gallery);
  Task task;
  task.sets.emplace_back("features", diva::evaluation_sets(set));
  task.about["features"] = f.features;
  return task;
}

Task two_sets(const Flags& f) {
  if (f.query.empty()) fail_missing("--query");
  if (f.gallery.empty()) fail_missing("--gallery");
  const auto query = program::read_features(f.query, f.features_name), gallery = program::read_features(f.gallery, f.features_name);
  const auto columns = [&](const char* what, const std::string& first, const std::string& second) {
    return program::read_columns(what, {first, second}, {&query, &gallery});
  };
  const auto labels = columns("labels", f.query_labels, f.gallery_labels), ids = columns("ids", f.query_ids, f.gallery_ids);
  const auto sequences = columns("sequences", f.query_sequences, f.gallery_sequences);
  if (!labels[0].defined()) fail_missing("--query_labels");
  if (!labels[1].defined()) fail_missing("--gallery_labels");
  Task task;
  task.sets.emplace_back("features", diva::evaluation_sets(samples(query, labels[0], ids[0], sequences[0]),
                                                           samples(gallery, labels[1], ids[1], sequences[1])));
  task.about["query"] = f.query;
  task.about["gallery"] = f.gallery;
  return task;
}

Task checkpoint(const Flags& f) {
  program::EmbeddingWork work(name, f.embedding);
  auto options = work.trained.recipe.evaluation;
  if (!f.combinations.empty()) options.combinations = f.combinations;
  const auto combinations = diva::chosen_combinations(options, work.trained.recipe.network.heads);

  std::deque<diva::FeatureWriter> writers;  // an open file cannot move
  for (const auto& combination : combinations) {
    const auto dim = work.trained.recipe.network.embed_dim * static_cast<std::int64_t>(combination.heads.size());
    writers.emplace_back(dim, std::vector<std::string>{"labels"});
  }
  work.run([&](const diva::Embeddings& embeddings, const torch::Tensor& labels) {
    for (std::size_t i = 0; i < writers.size(); ++i) writers[i].append(diva::combine(embeddings, combinations[i]), {labels});
  });
  Task task;
  if (f.embedding.backbone.empty()) {
    task.about["checkpoint"] = f.embedding.checkpoint;
  } else {
    task.about["backbone"] = f.embedding.backbone;
    task.about["weights"] = f.embedding.weights;
  }
  task.about["data"] = f.embedding.data;
  task.about["part"] = f.embedding.part;
  const auto roles = diva::evaluation_samples(work.store->dataset());
  for (std::size_t i = 0; i < writers.size(); ++i) {
    const auto store = writers[i].finish();
    auto samples = roles;
    samples.features = store.tensor("features");
    samples.labels = store.tensor("labels");
    task.sets.emplace_back(combinations[i].name(), diva::evaluation_sets(samples));
  }
  return task;
}

int run(const Flags& f) {
  if (f.list) {
    for (const auto& [metric, meaning] : diva::metric_forms()) fmt::print("{:24} {}\n", metric, meaning);
    return 0;
  }
  program::use_threads(f.threads);
  const bool two = !f.query.empty() || !f.gallery.empty(),
             trained = !f.embedding.checkpoint.empty() || !f.embedding.backbone.empty();
  if (static_cast<int>(!f.features.empty()) + static_cast<int>(two) + static_cast<int>(trained) != 1) {
    diva::detail::fail<diva::OptionError>(name, "the input",
                                          "one of --features, --query with --gallery, and --checkpoint or --backbone with --data",
                                          two || trained ? "more than one" : "none");
  }
  const auto task = trained ? checkpoint(f) : two ? two_sets(f) : one_set(f);
  const auto metrics = metric_names(f);
  diva::EvaluateOptions options{.num_clusters = f.clusters};
  options.search.similarity = f.similarity;

  program::Rows result;
  diva::StatusLine line;
  const auto start = std::chrono::steady_clock::now();
  for (const auto& [row, sets] : task.sets) {
    const auto &query = sets.queries.features, &gallery = sets.gallery.features;
    if (isatty(STDERR_FILENO) == 1) {
      line.show(fmt::format("{}: {}: {} queries in {} x {}", name, row, query.size(0), gallery.size(0), gallery.size(1)));
    }
    diva::Generator generator(static_cast<std::uint64_t>(f.seed));
    result.rows.emplace_back(row, diva::evaluate(sets.queries, sets.gallery, metrics, generator, options));
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const auto& sets = task.sets.front().second;

  if (!f.json.empty()) {
    auto document = task.about;
    document["queries"] = sets.queries.features.size(0);
    document["gallery"] = sets.gallery.features.size(0);
    document["similarity"] = diva::to_string(f.similarity);
    document["seed"] = f.seed;
    document["clusters"] = f.clusters;
    document["rows"] = result.json();
    document["seconds"] = seconds;
    document["diva"] = fmt::format("{}.{}.{}", diva::version_major, diva::version_minor, diva::version_patch);
    program::write_text(f.json, document.dump(2) + "\n");
  }
  if (!f.csv.empty()) program::write_text(f.csv, result.csv());
  if (f.json != "-" && f.csv != "-") fmt::print("{}", result.table());
  line.print(fmt::format("{}: {} queries in a gallery of {}, {:.1f} s", name, sets.queries.features.size(0),
                         sets.gallery.features.size(0), seconds));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Retrieval and clustering metrics of features, or of a checkpoint on a folder of images.", name);
  Flags flags;
  declare(app, flags);
  if (const int status = program::parse(app, argc, argv); status >= 0) return status;
  return program::guarded(name, [&] { return run(flags); });
}
