#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/report/heat_map.hpp>

#include <cmath>

using Catch::Matchers::Contains;

TEST_CASE("a heat map writes each value into its field, as dark as it is large") {
  const auto svg =
      diva::render_svg(diva::HeatMap{"heads", {"a", "<b>"}, torch::tensor({{1.0, 0.25}, {double{NAN}, 0.5}}, torch::kFloat64)});
  CHECK_THAT(svg, Contains(R"(fill-opacity="1.000")") && Contains(R"(fill-opacity="0.250")") && Contains(">0.25</text>"));
  CHECK_THAT(svg, Contains("&lt;b&gt;"));
  CHECK(svg.find("nan") == std::string::npos);
}

TEST_CASE("a heat map without labels for its values is refused") {
  CHECK_THROWS_WITH(diva::render_svg(diva::HeatMap{"heads", {"a"}, torch::zeros({2, 2})}), Contains("the values of 'heads'"));
}
