#include <diva/core/checks.hpp>
#include <diva/io/csv.hpp>
#include <diva/report/runs.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

namespace diva::inline v0_1 {
namespace {

double number(const std::string& text, const std::string& path, const std::string& column) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    detail::fail<DataError>("read_run", "column '" + column + "' of '" + path + "'", "numbers", "'" + text + "'");
  }
  return value;
}

// omniglot_s3 -> omniglot
std::string without_seed(const std::string& name) {
  const auto end = name.find_last_not_of("0123456789");
  const bool seeded = end != std::string::npos && end + 1 < name.size() && end >= 2 && name.substr(end - 1, 2) == "_s";
  return seeded ? name.substr(0, end - 1) : name;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void add_once(std::vector<std::string>& names, const std::string& name) {
  if (!contains(names, name)) names.push_back(name);
}

// The metrics of all runs, in the order in which they first come.
std::vector<std::string> all_metrics(const std::vector<RunRecord>& runs) {
  std::vector<std::string> names;
  for (const auto& run : runs) {
    for (const auto& metric : run.metrics) add_once(names, metric);
  }
  return names;
}

std::vector<std::string> all_combinations(const std::vector<RunRecord>& runs) {
  std::vector<std::string> names;
  for (const auto& run : runs) {
    for (const auto* evaluations : {&run.results, &run.evaluations}) {
      for (const auto& evaluation : *evaluations) add_once(names, evaluation.combination);
    }
  }
  return names;
}

// NaN where the run has no such metric.
double value_of(const RunRecord& run, const RunEvaluation& evaluation, const std::string& metric) {
  const auto found = std::find(run.metrics.begin(), run.metrics.end(), metric);
  return found == run.metrics.end() ? NAN : evaluation.values[static_cast<std::size_t>(found - run.metrics.begin())];
}

// The options with their defaults filled in, after all checks.
RunComparisonOptions resolved(const std::string& function, const std::vector<RunRecord>& runs, RunComparisonOptions options) {
  if (runs.empty()) detail::fail<DataError>(function, "runs", "at least one", "none");
  std::set<std::pair<std::string, std::string>> seen;
  for (const auto& run : runs) {
    if (!seen.emplace(run.group, run.name).second) {
      detail::fail<DataError>(function, "runs", "runs of different names", "two named '" + run.name + "'");
    }
  }
  const auto metrics = all_metrics(runs), known = all_combinations(runs);
  if (options.metric.empty()) options.metric = metrics.empty() ? "" : metrics.front();
  if (!contains(metrics, options.metric)) detail::fail_unknown(function, "metric", options.metric, metrics);
  for (const auto& combination : options.combinations) {
    if (!contains(known, combination)) detail::fail_unknown(function, "combination", combination, known);
  }
  if (options.combinations.empty()) options.combinations = known;
  return options;
}

struct Row {
  std::string group;
  std::string combination;
  std::vector<std::pair<const RunRecord*, const RunEvaluation*>> chosen;  // one a run
};

const RunEvaluation* choose(const RunRecord& run, const std::string& combination, const RunComparisonOptions& options) {
  const RunEvaluation* chosen = nullptr;
  if (!run.results.empty()) {
    for (const auto& result : run.results) {
      if (result.combination == combination) chosen = &result;
    }
    return chosen;
  }
  for (const auto& evaluation : run.evaluations) {
    if (evaluation.combination != combination) continue;
    const bool better = chosen == nullptr || options.epoch == EpochChoice::last ||
                        value_of(run, evaluation, options.metric) > value_of(run, *chosen, options.metric);
    if (better) chosen = &evaluation;
  }
  return chosen;
}

std::vector<Row> rows_of(const std::vector<RunRecord>& runs, const RunComparisonOptions& options) {
  std::vector<Row> rows;
  for (const auto& run : runs) {
    for (const auto& combination : options.combinations) {
      const auto* const evaluation = choose(run, combination, options);
      if (evaluation == nullptr) continue;
      auto row = std::find_if(rows.begin(), rows.end(),
                              [&](const Row& one) { return one.group == run.group && one.combination == combination; });
      if (row == rows.end()) row = rows.insert(rows.end(), {run.group, combination, {}});
      row->chosen.emplace_back(&run, evaluation);
    }
  }
  return rows;
}

// Of the values that are not NaN.
struct Sample {
  double sum = 0;
  std::int64_t count = 0;

  void add(double value) {
    if (std::isnan(value)) return;
    sum += value;
    ++count;
  }
  [[nodiscard]] double mean() const { return count > 0 ? sum / static_cast<double>(count) : NAN; }
};

double deviation(const std::vector<double>& values) {
  Sample sample;
  for (const double value : values) sample.add(value);
  if (sample.count < 2) return NAN;
  double squares = 0;
  for (const double value : values) squares += std::isnan(value) ? 0 : (value - sample.mean()) * (value - sample.mean());
  return std::sqrt(squares / static_cast<double>(sample.count - 1));
}

double mean(const std::vector<double>& values) {
  Sample sample;
  for (const double value : values) sample.add(value);
  return sample.mean();
}

// Whether larger values are better.
bool is_score(const std::string& metric) {
  const auto is = [&](const char* start) { return metric.starts_with(start); };
  return !(is("dists@") || is("rho_spectrum") || is("alignment") || is("uniformity") || is("pcf@") || is("eer") || is("fnmr"));
}

std::string row_name(const std::string& group, const std::string& combination, std::size_t combinations) {
  return combinations == 1 ? group : group + ", " + combination;
}

double pearson(const std::vector<std::pair<double, double>>& points) {
  Sample x, y;
  for (const auto& [a, b] : points) {
    x.add(a);
    y.add(b);
  }
  double xx = 0, yy = 0, xy = 0;
  for (const auto& [a, b] : points) {
    xx += (a - x.mean()) * (a - x.mean());
    yy += (b - y.mean()) * (b - y.mean());
    xy += (a - x.mean()) * (b - y.mean());
  }
  return xy / std::sqrt(xx * yy);
}

// The mean of the runs' series at each x.
Series mean_series(const std::string& name, const std::vector<const Series*>& runs) {
  std::map<double, Sample> by_x;
  for (const auto* series : runs) {
    for (const auto& [x, y] : series->points) by_x[x].add(y);
  }
  Series result{.name = name, .points = {}};
  for (const auto& [x, sample] : by_x) result.points.emplace_back(x, sample.mean());
  return result;
}

// Means of runs of points, so that single batches' noise does not hide where a loss goes.
Series thinned(const Series& series, std::size_t most) {
  const auto each = (series.points.size() + most - 1) / most;
  if (each <= 1) return series;
  Series result{.name = series.name, .points = {}};
  for (std::size_t start = 0; start < series.points.size(); start += each) {
    const auto end = std::min(start + each, series.points.size());
    Sample sample;
    for (auto i = start; i < end; ++i) sample.add(series.points[i].second);
    result.points.emplace_back(series.points[end - 1].first, sample.mean());
  }
  return result;
}

std::vector<std::string> groups_of(const std::vector<RunRecord>& runs) {
  std::vector<std::string> groups;
  for (const auto& run : runs) add_once(groups, run.group);
  return groups;
}

}  // namespace

RunRecord read_run(const std::string& folder) {
  RunRecord run;
  auto path = std::filesystem::absolute(folder).lexically_normal();
  if (path.filename().empty()) path = path.parent_path();
  run.name = path.filename().string();
  if (without_seed(run.name) == "run") run.name = path.parent_path().filename().string() + run.name.substr(3);
  run.group = without_seed(run.name);

  const auto evaluation_path = folder + "/evaluation.csv";
  const auto evaluations = read_csv(evaluation_path);
  const auto epoch = evaluations.index_of("epoch"), combination = evaluations.index_of("combination");
  for (std::size_t i = 0; i < evaluations.columns.size(); ++i) {
    if (i != epoch && i != combination) run.metrics.push_back(evaluations.columns[i]);
  }
  for (const auto& row : evaluations.rows) {
    RunEvaluation evaluation{
        .epoch = std::llround(number(row[epoch], evaluation_path, "epoch")), .combination = row[combination], .values = {}};
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i != epoch && i != combination) evaluation.values.push_back(number(row[i], evaluation_path, evaluations.columns[i]));
    }
    run.evaluations.push_back(std::move(evaluation));
  }

  const auto test_path = folder + "/test.csv";
  if (std::filesystem::exists(test_path)) {
    const auto results = read_csv(test_path);
    auto expected = run.metrics;
    expected.insert(expected.begin(), "combination");
    if (results.columns != expected) {
      detail::fail<DataError>("read_run", "the columns of '" + test_path + "'", fmt::format("{}", fmt::join(expected, ",")),
                              fmt::format("{}", fmt::join(results.columns, ",")));
    }
    for (const auto& row : results.rows) {
      RunEvaluation result{.combination = row[0], .values = {}};
      for (std::size_t i = 1; i < row.size(); ++i) result.values.push_back(number(row[i], test_path, expected[i]));
      run.results.push_back(std::move(result));
    }
  }

  const auto training_path = folder + "/train.csv";
  if (!std::filesystem::exists(training_path)) return run;
  const auto steps = read_csv(training_path);
  const auto step = steps.index_of("step");
  for (std::size_t i = 0; i < steps.columns.size(); ++i) {
    const auto& name = steps.columns[i];
    if (name == "step" || name == "epoch" || name == "learning_rate") continue;
    Series series{.name = name, .points = {}};
    for (const auto& row : steps.rows) {
      series.points.emplace_back(number(row[step], training_path, "step"), number(row[i], training_path, name));
    }
    run.terms.push_back(std::move(series));
  }
  return run;
}

MetricTable compare_runs(const std::vector<RunRecord>& runs, const RunComparisonOptions& wanted) {
  const auto options = resolved("compare_runs", runs, wanted);
  const auto metrics = all_metrics(runs);
  auto rows = rows_of(runs, options);
  const auto values = [&](const Row& row, const std::string& metric) {
    std::vector<double> all;
    for (const auto& [run, evaluation] : row.chosen) all.push_back(value_of(*run, *evaluation, metric));
    return all;
  };
  const auto score = [&](const Row& row) {
    const double value = mean(values(row, options.metric));
    return std::isnan(value) ? -INFINITY : value;
  };
  std::stable_sort(rows.begin(), rows.end(), [&](const Row& one, const Row& other) { return score(one) > score(other); });

  const bool chosen = std::any_of(runs.begin(), runs.end(), [](const RunRecord& run) { return run.results.empty(); });
  const auto choice = options.epoch == EpochChoice::best ? "best epoch by " + options.metric : std::string("last epoch");
  MetricTable table{.title = chosen ? "Runs at their " + choice : "Runs on the test side",
                    .columns = {"runs", "epoch"},
                    .rows = {},
                    .deviations = {},
                    .unranked = {"runs", "epoch"}};
  table.columns.insert(table.columns.end(), metrics.begin(), metrics.end());
  std::copy_if(metrics.begin(), metrics.end(), std::back_inserter(table.unranked),
               [](const auto& name) { return !is_score(name); });
  for (const auto& row : rows) {
    std::vector<double> epochs;
    for (const auto& [run, evaluation] : row.chosen)
      epochs.push_back(run->results.empty() ? static_cast<double>(evaluation->epoch) : NAN);
    std::vector<double> means = {static_cast<double>(row.chosen.size()), mean(epochs)}, deviations = {NAN, NAN};
    for (const auto& metric : metrics) {
      means.push_back(mean(values(row, metric)));
      deviations.push_back(deviation(values(row, metric)));
    }
    table.rows.emplace_back(row_name(row.group, row.combination, options.combinations.size()), std::move(means));
    table.deviations.push_back(std::move(deviations));
  }
  return table;
}

std::vector<LineChart> run_curves(const std::vector<RunRecord>& runs, const RunComparisonOptions& wanted) {
  const auto options = resolved("run_curves", runs, wanted);
  LineChart progress{.title = options.metric + " by epoch", .x_label = "epoch", .y_label = options.metric, .series = {}};
  std::vector<LineChart> charts;
  for (const auto& group : groups_of(runs)) {
    LineChart losses{.title = "Loss terms of " + group, .x_label = "step", .y_label = "loss", .series = {}};
    std::vector<std::pair<std::string, std::vector<const Series*>>> terms;
    for (const auto& run : runs) {
      if (run.group != group) continue;
      for (const auto& series : run.terms) {
        auto term = std::find_if(terms.begin(), terms.end(), [&](const auto& one) { return one.first == series.name; });
        if (term == terms.end()) term = terms.insert(terms.end(), {series.name, {}});
        term->second.push_back(&series);
      }
    }
    for (const auto& [name, series] : terms) losses.series.push_back(thinned(mean_series(name, series), 200));
    if (!losses.series.empty()) charts.push_back(std::move(losses));
    for (const auto& combination : options.combinations) {
      std::vector<Series> of_runs;
      for (const auto& run : runs) {
        if (run.group != group) continue;
        auto& series = of_runs.emplace_back();
        for (const auto& evaluation : run.evaluations) {
          if (evaluation.combination != combination) continue;
          series.points.emplace_back(static_cast<double>(evaluation.epoch), value_of(run, evaluation, options.metric));
        }
      }
      std::vector<const Series*> pointers;
      for (const auto& series : of_runs) pointers.push_back(&series);
      auto line = mean_series(row_name(group, combination, options.combinations.size()), pointers);
      if (!line.points.empty()) progress.series.push_back(std::move(line));
    }
  }
  charts.insert(charts.begin(), std::move(progress));
  return charts;
}

std::vector<LineChart> metric_correlations(const std::vector<RunRecord>& runs, const RunComparisonOptions& wanted) {
  const auto options = resolved("metric_correlations", runs, wanted);
  std::vector<LineChart> charts;
  for (const auto& metric : all_metrics(runs)) {
    if (metric == options.metric) continue;
    LineChart chart{.title = {}, .x_label = metric, .y_label = options.metric, .series = {}};
    std::vector<std::pair<double, double>> all;
    for (const auto& group : groups_of(runs)) {
      Series series{.name = group, .points = {}, .joined = false};
      for (const auto& run : runs) {
        if (run.group != group) continue;
        for (const auto& evaluation : run.evaluations) {
          const bool shown = contains(options.combinations, evaluation.combination);
          const std::pair point = {value_of(run, evaluation, metric), value_of(run, evaluation, options.metric)};
          if (shown && std::isfinite(point.first) && std::isfinite(point.second)) series.points.push_back(point);
        }
      }
      all.insert(all.end(), series.points.begin(), series.points.end());
      chart.series.push_back(std::move(series));
    }
    if (all.empty()) continue;
    const double r = pearson(all);
    chart.title = fmt::format("{} against {}: {} of {} evaluations", options.metric, metric,
                              std::isfinite(r) ? fmt::format("r = {:.3f}", r) : "no correlation", all.size());
    charts.push_back(std::move(chart));
  }
  return charts;
}

}  // namespace diva::inline v0_1
