#include "support/catch.hpp"

#include <diva/report/retrieval_sheet.hpp>

using Catch::Matchers::Contains;

TEST_CASE("hits and misses are marked by sign and frame, names are escaped") {
  const diva::Image dot{.height = 1, .width = 1, .channels = 1, .pixels = {200}};
  const auto html =
      diva::render_retrieval_sheet({{{dot, "<b>", 0, false}, {{dot, "same", 0.25, true}, {dot, "other", 0.5, false}}}});
  CHECK_THAT(html, Contains("&lt;b&gt;") && Contains("class=\"hit\"") && Contains("✓ 0.250") && Contains("class=\"miss\"") &&
                       Contains("✗ 0.500"));
  CHECK(html.find("<b>") == std::string::npos);
  CHECK_THAT(diva::render_retrieval_sheet({}), Contains("No queries"));
}
