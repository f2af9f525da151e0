#include <diva/core/json.hpp>
#include <diva/training.hpp>

#include "programs/run.hpp"
#include "support/small_run.hpp"

using Catch::Matchers::Contains;

namespace {

/// Two seeds of a run of four heads, and one of a single head.
struct Trained : Shell {
  Trained() {
    small_run::write_images(path() + "/images");
    const auto store = small_run::store(diva::folder_of_classes(path() + "/images"));
    for (const std::string name : {"four_s0", "four_s1", "one_s0"}) {
      auto options = small_run::options();
      options.seed = name == "four_s1" ? 1 : 0;
      options.epochs = 2;
      options.evaluation.metrics = {"recall@1", "map@r"};
      options.evaluation.combinations = {"discriminative"};
      if (name.starts_with("one")) options.network.heads = {"discriminative"};
      std::filesystem::create_directories(*this / name);
      diva::RunLog log(*this / name);
      const auto result = diva::train(options, store, store, {.folder = *this / name, .observers = {&log}});
      recalls[name] = result.evaluations;
    }
  }
  [[nodiscard]] double best(const std::string& name) const {
    double value = 0;
    for (const auto& evaluation : recalls.at(name)) value = std::max(value, evaluation.rows[0].values[0].second);
    return value;
  }
  std::map<std::string, std::vector<diva::EvaluationEvent>> recalls;
};

}  // namespace

TEST_CASE("diva_report merges seeds into a row, and looks into the networks where it is given the images") {
  const Trained trained;
  const auto result =
      trained.run(DIVA_REPORT, "four_s0 four_s1 one_s0 --data images --dataset folder --part all --queries 3 --out merged");
  INFO(result.error);
  REQUIRE(result.status == 0);
  CHECK_THAT(result.out, Contains("| four | 2 |") && Contains("| one | 1 |"));

  const auto json = diva::parse_json(trained.text("merged/report.json"), "report");
  for (const auto& row : json["rows"]) {
    const bool four = row["name"] == "four";
    const double expected = four ? (trained.best("four_s0") + trained.best("four_s1")) / 2 : trained.best("one_s0");
    CHECK(row["mean"]["recall@1"].get<double>() == Approx(expected));
    CHECK(row["deviation"].contains("recall@1") == four);
  }
  CHECK_THAT(trained.text("merged/report.md"), Contains("± "));
  CHECK_THAT(trained.text("merged/report.tex"), Contains("\\begin{tabular}"));
  const auto html = trained.text("merged/report.html");
  CHECK_THAT(html, Contains("Loss terms of four") && Contains("recall@1 against map@r") &&
                       Contains("Spectra of the heads of four") && Contains("Kernel alignment of the heads of four") &&
                       Contains("class=\"row\""));
}

TEST_CASE("diva_report refuses what would be no comparison") {
  const Trained trained;
  trained.refuses(DIVA_REPORT, "", 2, "runs");
  trained.refuses(DIVA_REPORT, "four_s0 --metric recal@1", 1, "recall@1");
  trained.refuses(DIVA_REPORT, "four_s0 nowhere", 1, "nowhere/evaluation.csv");
  trained.refuses(DIVA_REPORT, "four_s0 --outt x", 2, "--out");
  // Another recipe under the name of a seed.
  std::filesystem::rename(trained / "one_s0", trained / "four_s7");
  trained.refuses(DIVA_REPORT, "four_s0 four_s7", 1, "/network/heads");
}
