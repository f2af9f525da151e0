#include "support/catch.hpp"

#include <diva/report/html.hpp>

namespace {

std::string encoded(std::string_view text) {
  return diva::base64({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

}  // namespace

TEST_CASE("text is escaped for elements and attributes") {
  CHECK(diva::html_escape("<script a=\"b\" c='d'>&") == "&lt;script a=&quot;b&quot; c=&#39;d&#39;&gt;&amp;");
}

TEST_CASE("base64 gives the examples of RFC 4648") {
  CHECK(encoded("") == "");
  CHECK(encoded("f") == "Zg==");
  CHECK(encoded("fo") == "Zm8=");
  CHECK(encoded("foo") == "Zm9v");
  CHECK(encoded("foob") == "Zm9vYg==");
  CHECK(encoded("foobar") == "Zm9vYmFy");
}

TEST_CASE("images become PNG, large colour images JPEG") {
  const auto image = [](std::int64_t side, std::int64_t channels) {
    return diva::Image{.height = side,
                       .width = side,
                       .channels = channels,
                       .pixels = std::vector<std::uint8_t>(static_cast<std::size_t>(side * side * channels))};
  };
  CHECK(diva::data_uri(image(8, 1)).starts_with("data:image/png;base64,iVBOR"));
  CHECK(diva::data_uri(image(8, 3)).starts_with("data:image/png;base64,"));
  CHECK(diva::data_uri(image(100, 3)).starts_with("data:image/jpeg;base64,/9j/"));
}
