#include <diva/core/checks.hpp>
#include <diva/core/files.hpp>
#include <diva/report/html.hpp>
#include <diva/report/report.hpp>

#include <fmt/format.h>

#include <cmath>
#include <map>

namespace diva::inline v0_1 {
namespace {

// Okabe and Ito's colours, which colour-blind people tell apart.
constexpr auto style = R"css(<style>
:root{color-scheme:light dark;--text:#1c1e21;--soft:#5c636b;--page:#fff;--card:#f6f7f9;--rule:#d9dde2;--hit:#1a7f45;--miss:#c2362b;
--c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#cc79a7;--c4:#e69f00;--c5:#56b4e9;--c6:#7a5195;--c7:#808080}
@media(prefers-color-scheme:dark){:root{--text:#e6e8eb;--soft:#a2a9b1;--page:#15171a;--card:#1e2125;--rule:#383d43;--hit:#4cc27d;--miss:#ff7b6e;
--c0:#56a8e0;--c1:#f28c4b;--c2:#3cc79a;--c3:#e3a0c5;--c4:#f0bd4d;--c5:#8fd0f5;--c6:#b795d6;--c7:#b0b0b0}}
*{box-sizing:border-box}body{font:16px/1.5 system-ui,sans-serif;color:var(--text);background:var(--page);max-width:1100px;margin:0 auto;padding:24px 16px 64px}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 12px}h2{font-size:1.2rem;margin:40px 0 10px}p{margin:0 0 10px;max-width:75ch;color:var(--soft)}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:6px 10px;text-align:right;border-bottom:1px solid var(--rule);white-space:nowrap}th:first-child,td:first-child{text-align:left;white-space:normal}
th{color:var(--soft);font-weight:600}td.best{font-weight:700}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(320px,1fr));gap:16px}
.chart{width:100%;height:auto;background:var(--card);border-radius:8px;font-size:12px}.chart text{fill:var(--text)}.chart .title{font-size:14px;font-weight:600}
.chart .tick{fill:var(--soft)}.chart .grid{stroke:var(--rule);stroke-width:.7}.chart .axis{stroke:var(--soft)}.chart .line{fill:none;stroke-width:1.8;stroke-linejoin:round}
.dashed{stroke-dasharray:5 3}.line-0{stroke:var(--c0)}.marks-0{fill:var(--c0)}.line-1{stroke:var(--c1)}.marks-1{fill:var(--c1)}.line-2{stroke:var(--c2)}.marks-2{fill:var(--c2)}.line-3{stroke:var(--c3)}.marks-3{fill:var(--c3)}.line-4{stroke:var(--c4)}.marks-4{fill:var(--c4)}.line-5{stroke:var(--c5)}.marks-5{fill:var(--c5)}.line-6{stroke:var(--c6)}.marks-6{fill:var(--c6)}.line-7{stroke:var(--c7)}.marks-7{fill:var(--c7)}
.sheet{overflow-x:auto}.row{display:flex;gap:8px;margin-bottom:10px}figure{margin:0;width:88px;flex:none;font-size:12px}
figure img{width:88px;height:88px;object-fit:contain;border-radius:6px;border:3px solid var(--rule);background:#fff;image-rendering:auto;display:block}
figcaption{overflow-wrap:anywhere;line-height:1.25;margin-top:2px}.query{width:120px;margin-right:14px}.query figcaption{color:var(--soft)}
.hit img{border-color:var(--hit)}.hit figcaption{color:var(--hit)}.miss img{border-color:var(--miss);border-style:dashed}.miss figcaption{color:var(--miss)}
.marks{stroke:none;fill-opacity:.7}.heat{max-width:520px}.heat-field{fill:var(--c0)}small{color:var(--soft)}.map circle{opacity:.85}.map{max-width:760px}
</style>)css";

std::string render_map(const EmbeddingMap& map) {
  const auto count = map.points.size(0);
  detail::check_shape("write_report", "the map's points", map.points, {count, 2});
  if (static_cast<std::int64_t>(map.labels.size()) != count) {
    detail::fail<ShapeError>("write_report", "the map's labels", fmt::format("{}, one a point", count),
                             fmt::format("{}", map.labels.size()));
  }
  constexpr double size = 720, rim = 14;
  const auto points = map.points.to(torch::kFloat64).cpu();
  const auto low = std::get<0>(points.min(0)), high = std::get<0>(points.max(0));
  const auto extent = std::max((high - low).max().item<double>(), 1e-300);
  const auto placed = ((points - (low + high) / 2) / extent * (size - 2 * rim) + size / 2).contiguous();
  const auto* xy = placed.data_ptr<double>();
  std::map<std::string, std::size_t> colours;  // by golden angle, so that neighbours in the list differ
  std::string html = fmt::format(
      "<h2>Map of embeddings</h2><p>{}</p><svg class=\"chart map\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"map of "
      "embeddings\">",
      html_escape(map.caption), size, size);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto& label = map.labels[static_cast<std::size_t>(i)];
    const auto colour = colours.try_emplace(label, colours.size()).first->second;
    html += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4.5\" fill=\"hsl({:.0f} 70% {}%)\"><title>{}</title></circle>",
                        xy[2 * i], xy[2 * i + 1], std::fmod(static_cast<double>(colour) * 137.508, 360), 42 + 9 * (colour % 3),
                        html_escape(label));
  }
  return html + "</svg>";
}

}  // namespace

std::string render_report(const ReportData& data) {
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\"><title>{0}</title>{1}</head>\n<body><h1>{0}</h1>",
      html_escape(data.title), style);
  const auto add = [&](const std::string& part) {
    html += '\n';
    html += part;
  };
  for (const auto& paragraph : data.summary) html += fmt::format("<p>{}</p>", html_escape(paragraph));
  for (const auto& table : data.tables) add(render_html(table));
  if (!data.charts.empty()) {
    html += "\n<h2>Training</h2><div class=\"charts\">";
    for (const auto& chart : data.charts) add(render_svg(chart));
    html += "</div>";
  }
  if (!data.heat_maps.empty()) {
    html += "\n<h2>What heads tell about each other</h2><div class=\"charts\">";
    for (const auto& map : data.heat_maps) add(render_svg(map));
    html += "</div>";
  }
  if (!data.retrieval.empty()) {
    html +=
        "\n<h2>Queries and their nearest neighbours</h2><p>Left the query, then its neighbours with their distances: ✓ of the same "
        "class, ✗ of another.</p>" +
        render_retrieval_sheet(data.retrieval);
  }
  const bool has_map = data.map.points.defined() && data.map.points.numel() > 0;
  if (has_map) add(render_map(data.map));
  if (data.tables.empty() && data.charts.empty() && data.heat_maps.empty() && data.retrieval.empty() && !has_map)
    html += "<p>Nothing was evaluated.</p>";
  return html + "\n</body></html>\n";
}

void write_report(const std::string& path, const ReportData& data) {
  const auto html = render_report(data);
  write_file_atomically(path, {reinterpret_cast<const std::uint8_t*>(html.data()), html.size()});
}

}  // namespace diva::inline v0_1
