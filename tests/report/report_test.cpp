#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

#include <diva/core/error.hpp>
#include <diva/core/files.hpp>
#include <diva/report/report.hpp>

#include <cmath>
#include <vector>

using Catch::Matchers::Contains;

namespace {

diva::ReportData full() {
  const diva::Image dot{.height = 1, .width = 1, .channels = 1, .pixels = {200}};
  return {.title = "Title <script>alert(1)</script>",
          .summary = {"Trained & tested"},
          .tables = {{"Table", {"recall@1", "nmi"}, {{"raw", {0.25, NAN}}, {"DiVA", {0.75, 0.5}}}}},
          .charts = {{"Loss", "step", "loss", {{"a", {{0, 1}, {1, 0.5}}}}}},
          .retrieval = {{{dot, "q", 0, false}, {{dot, "n", 0.1, true}}}},
          .map = {torch::tensor({{0.0, 0.0}, {1.0, 2.0}}), {"one", "two"}, "t-SNE"}};
}

// Every opened element is closed in order; void elements and self-closing ones aside.
bool balanced(const std::string& html) {
  std::vector<std::string> open;
  for (auto at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    if (html[at + 1] == '!') continue;
    const auto end = html.find('>', at);
    const bool closing = html[at + 1] == '/';
    const auto start = at + (closing ? 2 : 1);
    const auto name = html.substr(start, html.find_first_of(" >/", start) - start);
    if (name == "meta" || name == "img" || html[end - 1] == '/') continue;
    if (!closing) {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return false;
    } else {
      open.pop_back();
    }
  }
  return open.empty();
}

}  // namespace

TEST_CASE("a report is well formed, complete and needs nothing outside itself") {
  const auto html = diva::render_report(full());
  CHECK(balanced(html));
  for (const auto* part :
       {"recall@1", "0.7500", "class=\"best\"", "<polyline", "class=\"hit\"", "<circle", "Trained &amp; tested", "–"})
    CHECK_THAT(html, Contains(part));
  for (const auto* part : {"http://", "https://", "<script", "<link", "nan"}) {
    INFO(part);
    CHECK(html.find(part) == std::string::npos);
  }
}

TEST_CASE("a table tells counts from shares, and marks the best of the shares") {
  diva::ReportData report{.title = "t"};
  report.tables = {{"Table", {"steps", "recall@1"}, {{"pixels", {0, 0}}, {"trained", {1204, 1}}}}};
  const auto html = diva::render_report(report);
  CHECK_THAT(html, Contains("<td>0</td><td>0.0000</td>"));
  CHECK_THAT(html, Contains("<td>1204</td><td class=\"best\">1.0000</td>"));
}

TEST_CASE("an empty report says so") {
  const auto html = diva::render_report({.title = "Nothing"});
  CHECK(balanced(html));
  CHECK_THAT(html, Contains("Nothing was evaluated"));
}

TEST_CASE("a report whose parts do not fit is refused and leaves the old file") {
  const TemporaryFolder folder;
  const auto path = folder.path() + "/report.html";
  diva::write_report(path, full());
  const auto before = diva::read_file(path);
  auto ragged = full(), unlabelled = full();
  ragged.tables[0].rows[0].second.pop_back();
  unlabelled.map.labels.pop_back();
  CHECK_THROWS_WITH(diva::write_report(path, ragged), Contains("row 'raw'"));
  CHECK_THROWS_AS(diva::write_report(path, unlabelled), diva::ShapeError);
  CHECK(diva::read_file(path) == before);
  CHECK_THROWS_AS(diva::write_report(folder.path() + "/missing/report.html", full()), diva::IoError);
}
