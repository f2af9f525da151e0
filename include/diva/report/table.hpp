#pragma once

#include <string>
#include <utility>
#include <vector>

namespace diva::inline v0_1 {

/// A table of methods, heads or combinations against metrics; the best share (values up to 1) of each column is marked. NaN is a
/// dash.
struct MetricTable {
  std::string title;
  std::vector<std::string> columns;                               ///< Names of the values.
  std::vector<std::pair<std::string, std::vector<double>>> rows;  ///< A name, and a value a column.
  /// Behind each value, after ±: a row for each of `rows`, or none. NaN: nothing is said of that value.
  std::vector<std::vector<double>> deviations = {};
  std::vector<std::string> unranked = {};  ///< Columns without a best: counts, and values of which the larger is not the better.
};

/// The table as HTML, Markdown (GitHub's form) or LaTeX (an environment `table` that needs the package booktabs). Shares and other
/// numbers have four decimals, whole numbers none; the best of a column is bold, in HTML of the class `best`.
///
/// Edge:    characters that mean something in the language are escaped; a column of which all values are NaN has no best.
/// Throws:  ShapeError when a row, or the deviations, do not fit.
std::string render_html(const MetricTable& table);
std::string render_markdown(const MetricTable& table);
std::string render_latex(const MetricTable& table);

}  // namespace diva::inline v0_1
