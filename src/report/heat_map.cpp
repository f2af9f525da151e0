#include <diva/core/checks.hpp>
#include <diva/report/heat_map.hpp>
#include <diva/report/html.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace diva::inline v0_1 {

std::string render_svg(const HeatMap& map) {
  const auto count = static_cast<std::int64_t>(map.labels.size());
  detail::check_shape("render_svg", "the values of '" + map.title + "'", map.values, {count, count});
  const auto values = map.values.to(torch::kFloat64).cpu().contiguous();
  const auto* data = values.data_ptr<double>();
  constexpr double left = 120, top = 56, field = 64;
  const double side = field * static_cast<double>(std::max<std::int64_t>(count, 1));
  auto svg = fmt::format(
      R"(<svg class="chart heat" viewBox="0 0 {0:.0f} {1:.0f}" role="img" aria-label="{2}"><text class="title" x="12" y="18">{2}</text>)",
      std::max(left + side + 24, 24 + 8 * static_cast<double>(map.title.size())), top + side + 16, html_escape(map.title));
  for (std::int64_t i = 0; i < count; ++i) {
    const double at = static_cast<double>(i) * field + field / 2;
    const auto label = html_escape(map.labels[static_cast<std::size_t>(i)]);
    svg += fmt::format(R"(<text class="tick" text-anchor="end" x="{:.0f}" y="{:.0f}">{}</text>)", left - 8, top + at + 4, label);
    svg += fmt::format(
        R"(<text class="tick" text-anchor="middle" x="{:.0f}" y="{:.0f}" textLength="{}" lengthAdjust="spacingAndGlyphs">{}</text>)",
        left + at, top - 8, std::min<double>(field - 6, 7.0 * static_cast<double>(map.labels[static_cast<std::size_t>(i)].size())),
        label);
    for (std::int64_t j = 0; j < count; ++j) {
      const double value = data[i * count + j];
      const double x = left + static_cast<double>(j) * field, y = top + static_cast<double>(i) * field;
      if (std::isnan(value)) continue;
      svg += fmt::format(
          R"(<rect class="heat-field" x="{:.0f}" y="{:.0f}" width="{}" height="{}" fill-opacity="{:.3f}"/><text text-anchor="middle" x="{:.0f}" y="{:.0f}">{:.2f}</text>)",
          x + 1, y + 1, field - 2, field - 2, std::clamp(value, 0.0, 1.0), x + field / 2, y + field / 2 + 4, value);
    }
  }
  return svg + "</svg>";
}

}  // namespace diva::inline v0_1
