#include <diva/report/chart.hpp>
#include <diva/report/html.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>

namespace diva::inline v0_1 {
namespace {

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  [[nodiscard]] bool empty() const { return low > high; }
};

// How many names of this length fit beside each other below the plot.
std::size_t legend_columns(const LineChart& chart, const ChartArea& area) {
  std::size_t longest = 0;
  for (const auto& series : chart.series) longest = std::max(longest, series.name.size());
  const double entry = 40 + 6.3 * static_cast<double>(longest);
  return static_cast<std::size_t>(std::clamp(area.width / entry, 1.0, 3.0));
}

bool finite(const std::pair<double, double>& point) { return std::isfinite(point.first) && std::isfinite(point.second); }

}  // namespace

std::vector<double> round_ticks(double low, double high, int count) {
  if (!(high > low)) {
    low -= 0.5;
    high += 0.5;
  }
  const double raw = (high - low) / count;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  const double step = power * (raw / power < 1.5 ? 1 : raw / power < 3.5 ? 2 : raw / power < 7.5 ? 5 : 10);
  std::vector<double> ticks;
  const auto last = std::llround(std::ceil(high / step - 1e-9));
  for (auto i = std::llround(std::floor(low / step)); i <= last; ++i) ticks.push_back(static_cast<double>(i) * step);
  return ticks;
}

std::string render_svg(const LineChart& chart, const ChartArea& area) {
  Range x, y;
  for (const auto& series : chart.series) {
    for (const auto& point : series.points) {
      if (!finite(point)) continue;
      x.include(point.first);
      y.include(point.second);
    }
  }
  const auto columns = legend_columns(chart, area);
  const double legend_top = area.top + area.height + 52;
  const double full_width = area.left + area.width + 24,
               full_height = legend_top + 20 * std::ceil(static_cast<double>(chart.series.size()) / static_cast<double>(columns));
  std::string svg = fmt::format(R"(<svg class="chart" viewBox="0 0 {:.0f} {:.0f}" role="img" aria-label="{}">)", full_width,
                                full_height, html_escape(chart.title));
  svg += fmt::format(R"(<text class="title" x="{}" y="18">{}</text>)", area.left, html_escape(chart.title));
  if (x.empty()) return svg + fmt::format(R"(<text x="{}" y="{}">no data</text></svg>)", area.left, area.top + area.height / 2);

  const auto y_ticks = round_ticks(y.low, y.high), x_ticks = round_ticks(x.low, x.high, 8);
  const Range vertical{y_ticks.front(), y_ticks.back()};
  const Range horizontal = x.high > x.low ? x : Range{x.low - 0.5, x.high + 0.5};
  const auto to_x = [&](double value) {
    return area.left + area.width * (value - horizontal.low) / (horizontal.high - horizontal.low);
  };
  const auto to_y = [&](double value) { return area.top + area.height * (vertical.high - value) / (vertical.high - vertical.low); };
  for (const double tick : y_ticks) {
    svg += fmt::format(
        R"(<line class="grid" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/><text class="tick" text-anchor="end" x="{:.1f}" y="{:.1f}">{:g}</text>)",
        area.left, area.left + area.width, to_y(tick), to_y(tick), area.left - 6, to_y(tick) + 4,
        std::abs(tick) < 1e-12 ? 0 : tick);
  }
  for (const double tick : x_ticks) {
    if (tick < horizontal.low || tick > horizontal.high) continue;
    svg += fmt::format(R"(<text class="tick" text-anchor="middle" x="{:.1f}" y="{:.1f}">{:g}</text>)", to_x(tick),
                       area.top + area.height + 18, tick);
  }
  svg += fmt::format(R"(<line class="axis" x1="{0:.1f}" x2="{1:.1f}" y1="{2:.1f}" y2="{2:.1f}"/>)", area.left,
                     area.left + area.width, area.top + area.height);
  svg += fmt::format(R"(<text class="tick" text-anchor="middle" x="{:.1f}" y="{:.1f}">{}</text>)", area.left + area.width / 2,
                     area.top + area.height + 36, html_escape(chart.x_label));
  svg += fmt::format(R"svg(<text class="tick" text-anchor="middle" transform="translate(14 {:.1f}) rotate(-90)">{}</text>)svg",
                     area.top + area.height / 2, html_escape(chart.y_label));

  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    const auto& name = chart.series[i].name;
    const auto& points = chart.series[i].points;
    const auto look = fmt::format("line line-{}{}", i % 8, i >= 8 ? " dashed" : "");
    const auto place = std::div(static_cast<std::int64_t>(i), static_cast<std::int64_t>(columns));  // in the legend
    const auto column = static_cast<double>(place.rem), line = static_cast<double>(place.quot);
    const double left = area.left + column * area.width / static_cast<double>(columns), top = legend_top + 20 * line;
    svg += fmt::format(R"(<text class="tick" x="{:.1f}" y="{:.1f}">{}</text>)", left + 28, top + 4, html_escape(name));
    // One point makes no line.
    if (!chart.series[i].joined || points.size() == 1) {
      const auto dot = [&](double across, double down) {
        svg += fmt::format(R"(<circle class="marks marks-{}" cx="{:.1f}" cy="{:.1f}" r="4"><title>{}</title></circle>)", i % 8,
                           across, down, html_escape(name));
      };
      for (const auto& point : points) {
        if (finite(point)) dot(to_x(point.first), to_y(point.second));
      }
      dot(left + 11, top);
      continue;
    }
    svg += fmt::format(R"(<line class="{}" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>)", look, left, left + 22, top, top);
    std::string stretch;
    const auto draw = [&] {
      if (!stretch.empty())
        svg += fmt::format(R"(<polyline class="{}" points="{}"><title>{}</title></polyline>)", look, stretch, html_escape(name));
      stretch.clear();
    };
    for (const auto& point : points) {
      if (finite(point)) {
        stretch += fmt::format("{}{:.1f},{:.1f}", stretch.empty() ? "" : " ", to_x(point.first), to_y(point.second));
      } else {
        draw();
      }
    }
    draw();
  }
  return svg + "</svg>";
}

}  // namespace diva::inline v0_1
