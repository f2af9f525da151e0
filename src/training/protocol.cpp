#include <fmt/format.h>
#include <torch/utils.h>
#include <diva/core/normalize.hpp>
#include <diva/io/csv.hpp>
#include <diva/training/checkpoint.hpp>
#include <diva/training/protocol.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>

namespace diva::inline v0_1 {
namespace {

// Streams of a generator of its own: the split is the same for every seed.
enum Stream : std::uint64_t { split_stream, search_stream };

// The rows of one run, before they are averaged.
using Rows = std::vector<EvaluationRow>;

class Study {
 public:
  Study(const TrainingOptions& options, const ProtocolOptions& protocol, const Split& data, const MakeStore& make_store,
        const RunOptions& run, const std::function<std::vector<Observer*>(const std::string&)>& begin_run)
      : options_(options),
        protocol_(protocol),
        data_(data),
        make_store_(make_store),
        run_(run),
        begin_run_(begin_run),
        test_(make_store(data.test)) {}

  ProtocolResult result() {
    const auto seeds = protocol_.seeds.empty() ? std::vector<std::int64_t>{options_.seed} : protocol_.seeds;
    ProtocolResult result;
    std::vector<Rows> all;
    for (const auto seed : seeds) {
      options_.seed = seed;
      const auto folder = seeds.size() == 1 ? run_.folder : below(run_.folder, fmt::format("run_s{}", seed));
      auto rows = rows_of_seed(folder);
      if (!rows) return result;
      if (!folder.empty()) write_results(folder, *rows);
      all.push_back(std::move(*rows));
    }
    result.rows = averaged(all);
    result.runs = static_cast<std::int64_t>(all.size());
    result.finished = true;
    return result;
  }

  // test.csv: what one run says of the test side.
  static void write_results(const std::string& folder, const Rows& rows) {
    CsvTable table{.columns = {"combination"}, .rows = {}};
    for (const auto& [metric, value] : rows.front().values) table.columns.push_back(metric);
    for (const auto& row : rows) {
      auto& fields = table.rows.emplace_back(1, row.combination);
      for (const auto& [metric, value] : row.values) fields.push_back(CsvValue(value).text);
    }
    write_csv(folder + "/test.csv", table);
  }

  // Rows of the same name, metric by metric.
  static std::vector<ProtocolRow> averaged(const std::vector<Rows>& runs) {
    std::vector<ProtocolRow> rows;
    for (std::size_t row = 0; row < runs.front().size(); ++row) {
      auto& target = rows.emplace_back(ProtocolRow{runs.front()[row].combination, {}});
      for (std::size_t metric = 0; metric < runs.front()[row].values.size(); ++metric) {
        std::vector<double> values;
        values.reserve(runs.size());
        for (const auto& run : runs) values.push_back(run[row].values[metric].second);
        target.values.emplace_back(runs.front()[row].values[metric].first, spread_of(values));
      }
    }
    return rows;
  }

 private:
  static std::string below(const std::string& folder, const std::string& name) { return folder.empty() ? "" : folder + "/" + name; }

  std::optional<Rows> rows_of_seed(const std::string& folder) {
    if (protocol_.name == Protocol::paper) return paper(folder);
    if (protocol_.name == Protocol::kfold) return folds(folder);
    const Generator generator = Generator(0).fork(split_stream);
    const double held = 1 - protocol_.train_share;
    if (!sides_) {
      sides_ = stores_of(protocol_.hold_back == HoldBack::classes ? validation_split(data_.train, held, generator)
                                                                  : validation_split_by_sample(data_.train, held, generator));
    }
    std::vector<EmbeddedSet> tests;
    return validated(folder, *sides_, tests);
  }

  // The images of both sides of a split.
  struct Stores {
    std::shared_ptr<const ImageStore> evaluation, training;
  };
  [[nodiscard]] Stores stores_of(const Split& split) const {
    auto evaluation = make_store_(split.test);
    return {std::move(evaluation), make_store_(split.train)};
  }

  std::optional<TrainingResult> trained(const std::string& folder, const Stores& stores) {
    auto run = run_;
    run.folder = folder;
    run.keep_best = !folder.empty();
    if (begin_run_) run.observers = begin_run_(folder);
    observers_ = run.observers;
    auto result = diva::train(options_, stores.training, stores.evaluation, run);
    if (!result.finished) return std::nullopt;
    return result;
  }

  std::optional<Rows> paper(const std::string& folder) {
    if (!sides_) sides_ = {test_, make_store_(data_.train)};
    const auto result = trained(folder, *sides_);
    if (!result) return std::nullopt;
    const auto metric = selection(options_.evaluation, options_.network.heads).metric;
    auto rows = result->evaluations.front().rows;
    for (const auto& evaluation : result->evaluations) {
      for (std::size_t row = 0; row < rows.size(); ++row) {
        if (value_of(evaluation.rows[row].values, metric) > value_of(rows[row].values, metric)) rows[row] = evaluation.rows[row];
      }
    }
    return rows;
  }

  // Trains on one side of the split, chooses by the other, and evaluates on the test side, whose embeddings go into `tests`.
  std::optional<Rows> validated(const std::string& folder, const Stores& stores, std::vector<EmbeddedSet>& tests) {
    auto result = trained(folder, stores);
    if (!result) return std::nullopt;
    // Without a folder there is no best epoch on the disk, and the last one counts.
    auto network = folder.empty() ? std::move(result->network) : load_network(best_path(folder), run_.device).network;
    tests.push_back(embedded(network, test_));
    const auto clustering = Generator(static_cast<std::uint64_t>(options_.seed));
    auto rows = evaluate_combinations(tests.back(), chosen_combinations(options_.evaluation, options_.network.heads),
                                      options_.evaluation.metrics, clustering);
    if (protocol_.search_weights && options_.network.heads.size() > 1) {
      const auto found =
          search_head_weights(embedded(network, stores.evaluation), options_.network.heads,
                              selection(options_.evaluation, options_.network.heads).metric, clustering.fork(search_stream));
      auto searched = evaluate_combinations(tests.back(), {found}, options_.evaluation.metrics, clustering);
      notify(fmt::format("weights searched on the held-back classes: {}", found.name()));
      searched.front().combination = "searched weights";  // which differ from run to run
      rows.push_back(std::move(searched.front()));
    }
    return rows;
  }

  std::optional<Rows> folds(const std::string& folder) {
    std::vector<EmbeddedSet> tests;
    std::vector<Rows> apart;
    std::int64_t fold = 0;
    for (const auto& split : class_folds(data_.train, protocol_.folds, Generator(0).fork(split_stream))) {
      auto rows = validated(below(folder, fmt::format("fold_{}", fold++)), stores_of(split), tests);
      if (!rows) return std::nullopt;
      apart.push_back(std::move(*rows));
    }
    Rows rows;
    for (const auto& row : averaged(apart)) {
      auto& mean = rows.emplace_back(EvaluationRow{row.combination, {}});
      for (const auto& [metric, spread] : row.values) mean.values.emplace_back(metric, spread.mean);
    }
    // The folds' embeddings of a combination side by side.
    const auto clustering = Generator(static_cast<std::uint64_t>(options_.seed));
    for (const auto& combination : chosen_combinations(options_.evaluation, options_.network.heads)) {
      std::vector<torch::Tensor> parts;
      for (const auto& set : tests) parts.push_back(combine(set.embeddings, combination));
      const EmbeddedSet together{{{"ensemble", l2_normalize(torch::cat(parts, 1))}}, tests.front().labels, tests.front().roles};
      auto row = evaluate_combinations(together, {{{"ensemble"}, {1}}}, options_.evaluation.metrics, clustering).front();
      row.combination = "ensemble of " + combination.name();
      rows.push_back(std::move(row));
    }
    return rows;
  }

  EmbeddedSet embedded(Network& network, const std::shared_ptr<const ImageStore>& store) const {
    auto loader_options = run_.loader;
    loader_options.views = 1;
    Loader loader(store, options_.augmentation, Generator(0), loader_options);
    return embed(network, loader, options_.evaluation.batch_size, store->size(), run_.device);
  }

  void notify(const std::string& text) const {
    for (auto* observer : observers_) observer->on(WarningEvent{text});
  }

  TrainingOptions options_;
  const ProtocolOptions& protocol_;
  const Split& data_;
  const MakeStore& make_store_;
  const RunOptions& run_;
  const std::function<std::vector<Observer*>(const std::string&)>& begin_run_;
  std::shared_ptr<const ImageStore> test_;
  std::optional<Stores> sides_;       // of validation and paper, whose sides are the same for every seed
  std::vector<Observer*> observers_;  // of the run in work
};

}  // namespace

Spread spread_of(const std::vector<double>& values) {
  Spread spread;
  const auto count = static_cast<double>(values.size());
  if (values.empty()) return spread;
  spread.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const double value : values) squares += (value - spread.mean) * (value - spread.mean);
  if (values.size() > 1) spread.deviation = std::sqrt(squares / (count - 1));
  return spread;
}

Combination search_head_weights(const EmbeddedSet& set, const std::vector<std::string>& heads, const std::string& metric,
                                const Generator& generator) {
  Combination best{heads, std::vector<double>(heads.size(), 1)};
  const auto value = [&](const Combination& combination) {
    return evaluate_combinations(set, {combination}, {metric}, generator).front().values.front().second;
  };
  double reached = value(best);
  for (bool moved = true; moved;) {
    moved = false;
    for (std::size_t head = 0; head < heads.size(); ++head) {
      for (const double weight : {0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0}) {
        auto candidate = best;
        candidate.weights[head] = weight;
        if (candidate == best || std::all_of(candidate.weights.begin(), candidate.weights.end(), [](double w) { return w == 0; }))
          continue;
        if (const double there = value(candidate); there > reached) {
          reached = there;
          best = candidate;
          moved = true;
        }
      }
    }
  }
  return best;
}

ProtocolResult run_protocol(const TrainingOptions& options, const ProtocolOptions& protocol, const Split& data,
                            const MakeStore& make_store, const RunOptions& run,
                            const std::function<std::vector<Observer*>(const std::string&)>& begin_run) {
  validate_fields("run_protocol", protocol);
  return Study(options, protocol, data, make_store, run, begin_run).result();
}

}  // namespace diva::inline v0_1
