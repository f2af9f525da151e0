#pragma once

#include <diva/core/options.hpp>
#include <diva/report/chart.hpp>
#include <diva/report/table.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace diva::inline v0_1 {

/// The values of one combination of heads at one evaluation.
struct RunEvaluation {
  std::int64_t epoch = 0;
  std::string combination;
  std::vector<double> values;  ///< One a metric of the run.
};

/// What a run wrote of itself.
struct RunRecord {
  /// Of its folder; of a folder `run_s3`, as a protocol of several seeds makes them, `PARENT_s3`.
  std::string name;
  /// The name without the `_s` and the number of the seed at its end: runs of one group differ in nothing else.
  std::string group;
  std::vector<Series> terms;  ///< By step: the loss, and the term of each head.
  std::vector<std::string> metrics;
  std::vector<RunEvaluation> evaluations;  ///< In the order of the file: by epoch.
  /// What the run says of the test side once an epoch was chosen, where it says that.
  std::vector<RunEvaluation> results = {};
};

/// Reads a run's folder: `train.csv` (step, epoch, loss, terms …, learning_rate) and `evaluation.csv` (epoch, combination, metrics …),
/// as training's RunLog writes them, and `test.csv` (combination, metrics …), as run_protocol does.
///
/// Edge:    a run without train.csv has no terms, one without test.csv no results.
/// Throws:  IoError (no evaluation.csv, a file that is no such table), DataError (a field that is no number, a test.csv with other
///          metrics).
RunRecord read_run(const std::string& folder);

/// Which evaluation stands for a run that has no results.
enum class EpochChoice {
  best,  ///< Of each combination the one with the highest `metric`, the first of several: the papers' choice.
  last,
};

constexpr auto enumerators(EpochChoice) {
  return std::array{std::pair{EpochChoice::best, "best"}, std::pair{EpochChoice::last, "last"}};
}

struct RunComparisonOptions {
  std::string metric = {};                ///< By which epochs are chosen and rows are sorted; empty: the first of the first run.
  EpochChoice epoch = EpochChoice::best;  ///< Of runs without results.
  std::vector<std::string> combinations = {};  ///< Which are shown; none: all.
};

/// Runs against metrics: a row for each group and combination, of results where a run has some and of the chosen epoch otherwise, with
/// the mean over the group's runs and, behind ±, the deviation of a sample (n − 1; nothing for one run). Columns: runs, epoch (the mean
/// of the chosen ones; a dash for results), then the metrics of all runs. Rows are sorted by `metric`, the best first. A metric that
/// only some runs of a group have is the mean over these.
///
/// Throws:  OptionError (a metric or combination that no run has, with the nearest name), DataError (no runs, two runs of a group
///          with one name).
MetricTable compare_runs(const std::vector<RunRecord>& runs, const RunComparisonOptions& options = {});

/// How the runs went: `metric` over the epochs, a line for each group and combination, the mean over its runs; and the loss terms of
/// each group by step, likewise, as means over a two-hundredth of the steps each.
std::vector<LineChart> run_curves(const std::vector<RunRecord>& runs, const RunComparisonOptions& options = {});

/// Every other metric against `metric`, a dot for each evaluation of each run and combination and a colour for each group, with
/// Pearson's r of all dots in the title: which metric tells what one asks for.
///
/// Source:  Roth, Milbich et al., Revisiting Training Strategies and Generalization Performance in DML, ICML 2020, figure 4.
std::vector<LineChart> metric_correlations(const std::vector<RunRecord>& runs, const RunComparisonOptions& options = {});

}  // namespace diva::inline v0_1
