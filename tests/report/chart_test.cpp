#include "support/catch.hpp"

#include <diva/report/chart.hpp>

#include <cmath>

using Catch::Matchers::Contains;

namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("ticks are round and cover the range") {
  CHECK(diva::round_ticks(0, 1) == std::vector<double>{0, 0.2, 0.4, 0.6000000000000001, 0.8, 1});
  CHECK(diva::round_ticks(0, 10) == std::vector<double>{0, 2, 4, 6, 8, 10});
  const auto ticks = diva::round_ticks(3, 3);
  CHECK(ticks.front() < 3);
  CHECK(ticks.back() > 3);
}

TEST_CASE("points lie where the axes say") {
  // x from 0 to 10 over 100 units from 10 on; y ticks 0 to 1 over 50 units from 20 down to 70.
  const auto svg =
      diva::render_svg({"t", "x", "y", {{"a", {{0, 0}, {5, 0.5}, {10, 1}}}}}, {.left = 10, .top = 20, .width = 100, .height = 50});
  CHECK_THAT(svg, Contains(R"(points="10.0,70.0 60.0,45.0 110.0,20.0")"));
}

TEST_CASE("each series is a line, and values that are not finite leave a gap") {
  const auto svg =
      diva::render_svg({"t", "x", "y", {{"a", {{0, 1}, {1, 2}}}, {"b", {{0, 1}, {1, NAN}, {2, 3}, {3, INFINITY}, {4, 1}}}}});
  CHECK(count(svg, "<polyline") == 1 + 3);
  CHECK(svg.find("nan") == std::string::npos);
  CHECK(svg.find("inf") == std::string::npos);
}

TEST_CASE("a chart without points says so, and names are escaped") {
  CHECK_THAT(diva::render_svg({"t", "x", "y", {}}), Contains("no data"));
  CHECK_THAT(diva::render_svg({"t", "x", "y", {{"a", {{0, NAN}}}}}), Contains("no data"));
  CHECK(diva::render_svg({"<b>", "<i>", "<u>", {{"<s>", {{0, 1}, {1, 1}}}}}).find("<b>") == std::string::npos);
}

TEST_CASE("a line of one point is a dot, and long names stand one below the other") {
  const auto one = diva::render_svg({"t", "x", "y", {{"a", {{1, 0.5}}}}});
  CHECK(count(one, "<circle") == 2);  // the point, and its mark in the legend
  const std::string name(90, 'n');
  const auto names = diva::render_svg({"t", "x", "y", {{name, {{0, 1}, {1, 2}}}, {name, {{0, 1}, {1, 2}}}}});
  // Both begin at the left of a plot 560 wide, at 56 + 28.
  CHECK(count(names, "x=\"84.0\"") == 2);
}

TEST_CASE("dots are not joined") {
  const auto svg = diva::render_svg({"t", "x", "y", {{.name = "a", .points = {{0, 1}, {1, 2}, {2, NAN}}, .joined = false}}});
  CHECK(count(svg, "<circle") == 3);
  CHECK(count(svg, "<polyline") == 0);
}
