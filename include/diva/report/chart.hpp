#pragma once

#include <string>
#include <utility>
#include <vector>

namespace diva::inline v0_1 {

/// One line, or one kind of dots, of a chart. NaN and infinite values leave a gap. A line of one point is a dot.
struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points;  ///< x ascending where they are joined.
  bool joined = true;                             ///< By a line; else each is a dot.
};

/// A line chart with axes, ticks at round numbers, grid and legend.
struct LineChart {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<Series> series;
};

/// Where the plot lies inside the picture, in its units.
struct ChartArea {
  double left = 56, top = 34, width = 560, height = 250;
};

/// The chart as an `<svg>` element of the classes `chart`, `line-0` … `line-7`, `marks-0` … `marks-7`, coloured by the page's style sheet. Series beyond
/// the eighth repeat the colours dashed. Without a finite point it says "no data".
std::string render_svg(const LineChart& chart, const ChartArea& area = {});

/// Ascending multiples of 1, 2 or 5 times a power of ten that cover [low, high] in about `count` steps.
std::vector<double> round_ticks(double low, double high, int count = 5);

}  // namespace diva::inline v0_1
