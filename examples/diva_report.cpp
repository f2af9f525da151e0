// Merges runs into tables for papers and a page for people.
#include "support/embedding.hpp"
#include "support/retrieval.hpp"

#include <diva/core/json.hpp>
#include <diva/metrics/embedding_metrics.hpp>
#include <diva/metrics/head_correlation.hpp>
#include <diva/report.hpp>

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <map>
#include <set>

namespace {

struct Flags {
  std::vector<std::string> runs;
  std::string out = "report", title = "Runs";
  diva::RunComparisonOptions comparison;
  program::EmbeddingFlags embedding;
  std::int64_t queries = 12;
};

// Runs of one group may differ in the seed alone: a mean over different recipes would tell nothing.
void check_recipes(const std::vector<diva::RunRecord>& runs, const std::vector<std::string>& folders) {
  std::map<std::string, std::pair<std::string, std::string>> first;  // folder and recipe of each group
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto path = diva::checkpoint_path(folders[i]);
    if (!std::filesystem::exists(path)) continue;
    const auto recipe = diva::read_checkpoint(path).text("recipe");
    const auto& [folder, known] = first.try_emplace(runs[i].group, folders[i], recipe).first->second;
    const auto different = diva::recipe_differences(known, recipe, "seed", path);
    if (different.empty()) continue;
    diva::detail::fail<diva::DataError>(
        "diva_report", "the runs '" + runs[i].group + "_s…'", "one recipe but for the seed",
        fmt::format("'{}' and '{}', which differ in {}; name their folders apart", folder, folders[i], fmt::join(different, ", ")));
  }
}

// The features of a run's network: spectra, what heads tell about each other, and the queries that went worst.
void look_inside(const std::string& group, const std::string& folder, const Flags& flags, diva::ReportData& report) {
  auto embedding = flags.embedding;
  embedding.checkpoint = diva::checkpoint_path(folder);
  program::EmbeddingWork work("diva_report", embedding);
  const auto set = work.embedded();

  diva::LineChart spectra{
      .title = "Spectra of the heads of " + group, .x_label = "singular value", .y_label = "log10 of its share", .series = {}};
  for (const auto& [head, rows] : set.embeddings) {
    const auto spectrum = diva::singular_spectrum(rows);
    diva::Series series{.name = fmt::format("{}, rho {:.3f}", head, diva::rho_spectrum(spectrum, 1)), .points = {}};
    for (std::int64_t i = 0; i < spectrum.size(0); ++i) {
      series.points.emplace_back(static_cast<double>(i + 1), std::log10(spectrum[i].item<double>()));
    }
    spectra.series.push_back(std::move(series));
  }
  report.charts.push_back(std::move(spectra));
  if (set.embeddings.size() > 1) {
    const auto correlation = diva::head_correlation(set.embeddings);
    report.heat_maps.push_back(
        {.title = "Kernel alignment of the heads of " + group, .labels = correlation.heads, .values = correlation.cka});
    report.heat_maps.push_back(
        {.title = "Correlation of their dimensions", .labels = correlation.heads, .values = correlation.cross});
  }
  if (!report.retrieval.empty()) return;  // of the first run alone
  const auto combination = diva::chosen_combinations(work.trained.recipe.evaluation, work.trained.recipe.network.heads).back();
  const auto features = diva::combine(set.embeddings, combination);
  report.retrieval = program::retrieval(features, *work.store, program::worst_queries(features, set.labels, flags.queries));
  report.summary.push_back(fmt::format("The queries shown are those of the lowest MAP@R of {}, {}.", group, combination.name()));
}

nlohmann::ordered_json to_json(const diva::MetricTable& table) {
  auto rows = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    nlohmann::ordered_json mean, deviation;
    for (std::size_t j = 0; j < table.columns.size(); ++j) {
      mean[table.columns[j]] = table.rows[i].second[j];
      if (!std::isnan(table.deviations[i][j])) deviation[table.columns[j]] = table.deviations[i][j];
    }
    rows.push_back({{"name", table.rows[i].first}, {"mean", mean}, {"deviation", deviation}});
  }
  return {{"title", table.title}, {"rows", rows}};
}

int run(const Flags& flags) {
  std::vector<diva::RunRecord> runs;
  for (const auto& folder : flags.runs) runs.push_back(diva::read_run(folder));
  const auto table = diva::compare_runs(runs, flags.comparison);
  check_recipes(runs, flags.runs);

  diva::ReportData report{.title = flags.title, .tables = {table}};
  report.charts = diva::run_curves(runs, flags.comparison);
  for (auto& chart : diva::metric_correlations(runs, flags.comparison)) report.charts.push_back(std::move(chart));
  if (!flags.embedding.data.empty()) {
    std::set<std::string> seen;
    for (std::size_t i = 0; i < runs.size(); ++i) {
      if (seen.insert(runs[i].group).second) look_inside(runs[i].group, flags.runs[i], flags, report);
    }
  }

  std::filesystem::create_directories(flags.out);
  program::write_text(flags.out + "/report.md", diva::render_markdown(table));
  program::write_text(flags.out + "/report.tex", diva::render_latex(table));
  program::write_text(flags.out + "/report.json", to_json(table).dump(2) + "\n");
  diva::write_report(flags.out + "/report.html", report);
  fmt::print("{}\nreport: {}/report.html, .md, .tex, .json\n", diva::render_markdown(table), flags.out);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Merges runs into Markdown, LaTeX, JSON and HTML tables, means over seeds, with curves and pictures.",
               "diva_report");
  Flags flags;
  flags.embedding.part = "test";
  app.add_option("runs", flags.runs, "folders of runs; names that differ only in _s and a number at their end are seeds of one")
      ->required();
  app.add_option("--out", flags.out, "folder for the report")->capture_default_str();
  app.add_option("--title", flags.title, "its heading")->capture_default_str();
  app.add_option("--metric", flags.comparison.metric, "chooses epochs, and what others are compared with; default: the first");
  program::add_enum(app, "--epoch", flags.comparison.epoch, "which evaluation stands for a run");
  app.add_option("--combinations", flags.comparison.combinations, "heads and combinations to show; default: all");
  app.add_option("--queries", flags.queries, "worst queries to show")->check(CLI::NonNegativeNumber)->capture_default_str();
  auto& embedding = flags.embedding;
  app.add_option(
      "--data", embedding.data,
      "folder of the data set: embeds it by each group's first checkpoint for spectra, correlations of heads and queries");
  app.add_option("--dataset", embedding.dataset, "how that folder is laid out: " + program::dataset_names())->capture_default_str();
  app.add_option("--part", embedding.part, "classes: train, test, or all")
      ->check(CLI::IsMember({"train", "test", "all"}))
      ->capture_default_str();
  app.add_option("--kernels", embedding.kernels, "loader threads; 0: one for each core")->capture_default_str();
  app.add_option("--gpu", embedding.gpu, "number of the CUDA device; the CPU where there is none");
  if (const int status = program::parse(app, argc, argv); status >= 0) return status;
  program::use_threads();
  return program::guarded("diva_report", [&] { return run(flags); });
}
