#include <diva/core/checks.hpp>
#include <diva/report/html.hpp>
#include <diva/report/table.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace diva::inline v0_1 {
namespace {

struct Cell {
  std::string value = {};
  std::string deviation = {};  // empty: none
  bool best = false;
};

void check(const MetricTable& table) {
  const auto fits = [&](const std::string& what, std::size_t found, std::size_t expected, const char* unit) {
    if (found == expected) return;
    detail::fail<ShapeError>("write_report", what + " of table '" + table.title + "'", fmt::format("{} {}", expected, unit),
                             fmt::format("{}", found));
  };
  for (const auto& [name, values] : table.rows) fits("row '" + name + "'", values.size(), table.columns.size(), "values");
  if (table.deviations.empty()) return;
  fits("the deviations", table.deviations.size(), table.rows.size(), "rows");
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    fits("the deviations of row '" + table.rows[i].first + "'", table.deviations[i].size(), table.columns.size(), "values");
  }
}

// A column of whole numbers, some of them beyond what a share can be, counts something: no decimals, and no best.
bool counts(const MetricTable& table, std::size_t column) {
  bool beyond = false;
  for (const auto& [name, values] : table.rows) {
    const double value = values[column];
    if (std::isnan(value)) continue;
    if (value != std::floor(value)) return false;
    beyond = beyond || std::abs(value) >= 2;
  }
  return beyond;
}

std::vector<std::vector<Cell>> cells(const MetricTable& table) {
  check(table);
  std::vector<std::vector<Cell>> all(table.rows.size(), std::vector<Cell>(table.columns.size()));
  for (std::size_t column = 0; column < table.columns.size(); ++column) {
    const bool counted = counts(table, column);
    const bool ranked = std::find(table.unranked.begin(), table.unranked.end(), table.columns[column]) == table.unranked.end();
    double best = -INFINITY;
    for (const auto& [name, values] : table.rows) best = values[column] > best ? values[column] : best;
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
      const double value = table.rows[row].second[column];
      auto& cell = all[row][column];
      cell.value = std::isnan(value) ? "–" : fmt::format("{:.{}f}", value, counted ? 0 : 4);
      cell.best = value == best && table.rows.size() > 1 && !counted && ranked;
      const double deviation = table.deviations.empty() ? NAN : table.deviations[row][column];
      if (!std::isnan(deviation) && !std::isnan(value)) cell.deviation = fmt::format("{:.{}f}", deviation, counted ? 1 : 4);
    }
  }
  return all;
}

// With each character that `special` holds after a backslash.
std::string escaped(const std::string& text, std::string_view special) {
  std::string result;
  for (const char character : text) {
    if (special.find(character) != std::string_view::npos) result += '\\';
    result += character;
  }
  return result;
}

std::string latex_text(const std::string& text) {
  std::string result;
  for (const char character : text) {
    if (character == '\\') {
      result += "\\textbackslash{}";
    } else if (character == '~' || character == '^') {
      result += fmt::format("\\{}{{}}", character);
    } else {
      result += escaped(std::string(1, character), "&%$#_{}");
    }
  }
  return result;
}

}  // namespace

std::string render_html(const MetricTable& table) {
  const auto all = cells(table);
  std::string html = fmt::format("<h2>{}</h2><div class=\"scroll\"><table><thead><tr><th></th>", html_escape(table.title));
  for (const auto& column : table.columns) html += fmt::format("<th>{}</th>", html_escape(column));
  html += "</tr></thead><tbody>";
  for (std::size_t row = 0; row < all.size(); ++row) {
    html += fmt::format("<tr><td>{}</td>", html_escape(table.rows[row].first));
    for (const auto& cell : all[row]) {
      html += fmt::format("<td{}>{}{}</td>", cell.best ? " class=\"best\"" : "", cell.value,
                          cell.deviation.empty() ? "" : fmt::format(" <small>± {}</small>", cell.deviation));
    }
    html += "</tr>";
  }
  return html + "</tbody></table></div>";
}

std::string render_markdown(const MetricTable& table) {
  const auto all = cells(table);
  std::string text = fmt::format("### {}\n\n| |", table.title);
  for (const auto& column : table.columns) text += fmt::format(" {} |", escaped(column, "|"));
  text += "\n|---|";
  for (std::size_t i = 0; i < table.columns.size(); ++i) text += "---:|";
  for (std::size_t row = 0; row < all.size(); ++row) {
    text += fmt::format("\n| {} |", escaped(table.rows[row].first, "|*_"));
    for (const auto& cell : all[row]) {
      const auto* const mark = cell.best ? "**" : "";
      text += fmt::format(" {}{}{}{} |", mark, cell.value, mark, cell.deviation.empty() ? "" : " ± " + cell.deviation);
    }
  }
  return text + "\n";
}

std::string render_latex(const MetricTable& table) {
  const auto all = cells(table);
  std::string text = fmt::format("\\begin{{table}}\n\\caption{{{}}}\n\\centering\n\\begin{{tabular}}{{l{}}}\n\\toprule\n",
                                 latex_text(table.title), std::string(table.columns.size(), 'r'));
  for (const auto& column : table.columns) text += " & " + latex_text(column);
  text += " \\\\\n\\midrule\n";
  for (std::size_t row = 0; row < all.size(); ++row) {
    text += latex_text(table.rows[row].first);
    for (const auto& cell : all[row]) {
      const auto value = cell.value == "–" ? std::string("--") : cell.value;
      text += " & " + (cell.best ? fmt::format("\\textbf{{{}}}", value) : value);
      if (!cell.deviation.empty()) text += fmt::format(" $\\pm$ {}", cell.deviation);
    }
    text += " \\\\\n";
  }
  return text + "\\bottomrule\n\\end{tabular}\n\\end{table}\n";
}

}  // namespace diva::inline v0_1
