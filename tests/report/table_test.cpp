#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/report/table.hpp>

#include <cmath>

using Catch::Matchers::Contains;

namespace {

diva::MetricTable table() {
  return {.title = "A & B",
          .columns = {"runs", "recall@1", "rho_spectrum@1"},
          .rows = {{"margin_loss", {3, 0.5, 0.3}}, {"DiVA|4", {1, 0.75, NAN}}},
          .deviations = {{NAN, 0.01, 0.002}, {NAN, NAN, NAN}},
          .unranked = {"runs", "rho_spectrum@1"}};
}

}  // namespace

TEST_CASE("a table in Markdown") {
  CHECK(diva::render_markdown(table()) ==
        "### A & B\n\n"
        "| | runs | recall@1 | rho_spectrum@1 |\n"
        "|---|---:|---:|---:|\n"
        "| margin\\_loss | 3 | 0.5000 ± 0.0100 | 0.3000 ± 0.0020 |\n"
        "| DiVA\\|4 | 1 | **0.7500** | – |\n");
}

TEST_CASE("a table in LaTeX") {
  CHECK(diva::render_latex(table()) ==
        "\\begin{table}\n\\caption{A \\& B}\n\\centering\n\\begin{tabular}{lrrr}\n\\toprule\n"
        " & runs & recall@1 & rho\\_spectrum@1 \\\\\n\\midrule\n"
        "margin\\_loss & 3 & 0.5000 $\\pm$ 0.0100 & 0.3000 $\\pm$ 0.0020 \\\\\n"
        "DiVA|4 & 1 & \\textbf{0.7500} & -- \\\\\n"
        "\\bottomrule\n\\end{tabular}\n\\end{table}\n");
}

TEST_CASE("a table in HTML marks the best of what is better when larger") {
  const auto html = diva::render_html(table());
  CHECK_THAT(html, Contains("<td>3</td><td>0.5000 <small>± 0.0100</small></td><td>0.3000 <small>± 0.0020</small></td>"));
  CHECK_THAT(html, Contains("<td>1</td><td class=\"best\">0.7500</td><td>–</td>"));
}

TEST_CASE("deviations that do not fit are refused") {
  auto short_row = table(), few_rows = table();
  short_row.deviations[1].pop_back();
  few_rows.deviations.pop_back();
  CHECK_THROWS_WITH(diva::render_markdown(short_row), Contains("the deviations of row 'DiVA|4'"));
  CHECK_THROWS_AS(diva::render_latex(few_rows), diva::ShapeError);
}
