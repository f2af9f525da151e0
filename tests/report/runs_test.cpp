#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

#include <diva/core/error.hpp>
#include <diva/core/files.hpp>
#include <diva/report/runs.hpp>

#include <cmath>
#include <filesystem>

using Catch::Matchers::Contains;

namespace {

void write(const std::string& path, std::string_view text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  diva::write_file_atomically(path, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

// Two seeds of one recipe, and one run of another that was not judged by nmi.
struct Runs : TemporaryFolder {
  Runs() {
    write(*this / "diva_s1/evaluation.csv",
          "epoch,combination,recall@1,nmi\n1,a,0.5,0.1\n1,b,0.6,0.2\n2,a,0.7,0.3\n2,b,0.55,0.4\n3,a,0.7,0.9\n");
    write(*this / "diva_s1/train.csv", "step,epoch,loss,a,learning_rate\n1,0,4,2,0.1\n2,0,2,1,0.1\n");
    write(*this / "diva_s20/evaluation.csv", "epoch,combination,recall@1,nmi\n1,a,0.9,0.5\n2,a,0.8,0.7\n");
    write(*this / "diva_s20/train.csv", "step,epoch,loss,a,learning_rate\n1,0,6,4,0.1\n2,0,nan,3,0.1\n");
    write(*this / "margin/evaluation.csv", "epoch,combination,recall@1\n4,a,0.85\n");
  }
  [[nodiscard]] std::vector<diva::RunRecord> read() const {
    return {diva::read_run(*this / "diva_s1"), diva::read_run(*this / "diva_s20/"), diva::read_run(*this / "margin")};
  }
};

}  // namespace

TEST_CASE("runs are read, and seeds of one recipe are told by the end of their names") {
  const Runs folder;
  const auto runs = folder.read();
  CHECK(runs[0].name == "diva_s1");
  CHECK(runs[0].group == "diva");
  CHECK(runs[1].group == "diva");
  CHECK(runs[2].group == "margin");
  CHECK(runs[0].metrics == std::vector<std::string>{"recall@1", "nmi"});
  CHECK(runs[0].evaluations.size() == 5);
  REQUIRE(runs[0].terms.size() == 2);
  CHECK(runs[0].terms[1].points == std::vector<std::pair<double, double>>{{1, 2}, {2, 1}});
  CHECK(runs[2].terms.empty());
}

TEST_CASE("the best epoch of each combination stands for a run, then means and deviations over seeds") {
  const Runs folder;
  const auto table = diva::compare_runs(folder.read());
  CHECK(table.columns == std::vector<std::string>{"runs", "epoch", "recall@1", "nmi"});
  REQUIRE(table.rows.size() == 3);
  // Best first: margin's 0.85, then (0.7 + 0.9)/2, then b of the one run that has it.
  CHECK(table.rows[0].first == "margin, a");
  CHECK(table.rows[1].first == "diva, a");
  CHECK(table.rows[2].first == "diva, b");
  // Of two epochs with recall 0.7 the first counts, the second.
  const auto& a = table.rows[1].second;
  CHECK(a[0] == 2);
  CHECK(a[1] == Approx(1.5));
  CHECK(a[2] == Approx(0.8));
  CHECK(a[3] == Approx(0.4));
  CHECK(table.deviations[1][2] == Approx(std::sqrt(0.02)));
  CHECK(std::isnan(table.rows[0].second[3]));
  CHECK(std::isnan(table.deviations[0][2]));
  CHECK(table.rows[2].second[2] == Approx(0.6));
}

TEST_CASE("the last epoch, one combination, another metric") {
  const Runs folder;
  const auto table = diva::compare_runs(folder.read(), {.metric = "nmi", .epoch = diva::EpochChoice::last, .combinations = {"a"}});
  CHECK(table.rows[0].first == "diva");
  CHECK(table.rows[0].second[3] == Approx(0.8));
  CHECK(table.rows[0].second[1] == Approx(2.5));
}

TEST_CASE("what a run says of the test side stands before its epochs") {
  const Runs folder;
  write(folder / "diva_s1/test.csv", "combination,recall@1,nmi\na,0.25,0.5\nsearched weights,0.75,0.25\n");
  const auto table = diva::compare_runs({diva::read_run(folder / "diva_s1")});
  CHECK(table.title == "Runs on the test side");
  REQUIRE(table.rows.size() == 2);
  CHECK(table.rows[0].first == "diva, searched weights");
  CHECK(table.rows[1].first == "diva, a");
  CHECK(table.rows[1].second[2] == 0.25);
  CHECK(std::isnan(table.rows[1].second[1]));
  write(folder / "diva_s1/test.csv", "combination,nmi\na,0.5\n");
  CHECK_THROWS_WITH(diva::read_run(folder / "diva_s1"), Contains("test.csv") && Contains("recall@1"));
}

TEST_CASE("the folders of a protocol's seeds are runs of their parent") {
  const Runs folder;
  for (const std::string seed : {"0", "3"}) {
    write(folder / ("margin_big/run_s" + seed + "/evaluation.csv"), "epoch,combination,recall@1\n4,a,0.85\n");
    const auto run = diva::read_run(folder / ("margin_big/run_s" + seed));
    CHECK(run.name == "margin_big_s" + seed);
    CHECK(run.group == "margin_big");
  }
}

TEST_CASE("curves are means over seeds") {
  const Runs folder;
  const auto charts = diva::run_curves(folder.read(), {.combinations = {"a"}});
  REQUIRE(charts.size() == 2);
  CHECK(charts[0].series[0].points == std::vector<std::pair<double, double>>{{1, 0.7}, {2, 0.75}, {3, 0.7}});
  // The loss of step 2 is a number in one run alone.
  CHECK(charts[1].series[0].points == std::vector<std::pair<double, double>>{{1, 5}, {2, 2}});
  CHECK(charts[1].series[1].points == std::vector<std::pair<double, double>>{{1, 3}, {2, 2}});
}

TEST_CASE("metrics against recall, with Pearson's r of all evaluations") {
  const Runs folder;
  const auto charts = diva::metric_correlations(folder.read(), {.combinations = {"a"}});
  REQUIRE(charts.size() == 1);
  // nmi 0.1 0.3 0.9 0.5 0.7 against recall 0.5 0.7 0.7 0.9 0.8: covariance 0.1, variances 0.4 and 0.088.
  CHECK_THAT(charts[0].title, Contains("r = 0.533 of 5 evaluations"));
  CHECK(!charts[0].series[0].joined);
  CHECK(charts[0].series[0].points.size() == 5);
  CHECK(charts[0].series[1].points.empty());
}

TEST_CASE("runs that cannot be compared are refused") {
  const Runs folder;
  auto runs = folder.read();
  CHECK_THROWS_WITH(diva::compare_runs(runs, {.metric = "recal@1"}), Contains("recall@1"));
  CHECK_THROWS_AS(diva::compare_runs(runs, {.combinations = {"c"}}), diva::OptionError);
  CHECK_THROWS_AS(diva::compare_runs({}), diva::DataError);
  runs.push_back(runs.front());
  CHECK_THROWS_WITH(diva::compare_runs(runs), Contains("two named 'diva_s1'"));
  CHECK_THROWS_AS(diva::read_run(folder / "nowhere"), diva::IoError);
  write(folder / "bad/evaluation.csv", "epoch,combination,nmi\n1,a,high\n");
  CHECK_THROWS_WITH(diva::read_run(folder / "bad"), Contains("column 'nmi'") && Contains("'high'"));
}
