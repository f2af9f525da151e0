#include "support/catch.hpp"

#include <diva/core/listing.hpp>

#include <limits>

using Catch::Matchers::Contains;

namespace {

struct Inner {
  double rate = 0.5;
};
template <class Visitor>
void describe(Inner& options, Visitor&& visit) {
  visit("rate", options.rate, "a share", diva::between(0, 1));
}

struct Outer {
  double limit = std::numeric_limits<double>::infinity();
  diva::Variant variant = diva::Variant::fixed;
  std::vector<double> weights = {1, 2};
  Inner inner = {};
};
template <class Visitor>
void describe(Outer& options, Visitor&& visit) {
  visit("limit", options.limit, "how far | at most", diva::positive);
  visit("variant", options.variant, "which form", diva::any_value);
  visit("weights", options.weights, "of classes", diva::any_value);
  visit("inner", options.inner, "more", diva::any_value);
}

Outer near_preset() { return {.limit = 2}; }

using Factory = int (*)();
int one() { return 1; }
int two() { return 2; }
constexpr diva::detail::RegistryLine<Factory> lines[] = {
    {"first", one, {"a + b", "Somebody, 2020", "O(n)"}, diva::detail::options_of<Outer>},
    {"bare", two},
    {"Other", two, diva::alias_of("first"), diva::detail::options_of<near_preset>},
    {"Same", one, diva::alias_of("first"), diva::detail::options_of<Outer>},
};

}  // namespace

TEST_CASE("option_texts names every field, nested ones with dots, with its default and range") {
  const auto texts = diva::option_texts(Outer{});
  REQUIRE(texts.size() == 4);
  CHECK(texts[0].value == "infinity");
  CHECK(texts[0].range == "greater than 0");
  CHECK(texts[1].value == "fixed");
  CHECK_THAT(texts[1].range, Contains("fixed, paper, repo"));
  CHECK(texts[2].value == "[1, 2]");
  CHECK(texts[2].range.empty());
  CHECK(texts[3].name == "inner.rate");
  CHECK(texts[3].range == "in [0, 1]");
  CHECK(texts[3].meaning == "a share");
}

TEST_CASE("a registry finds its lines and suggests the nearest name") {
  CHECK(diva::detail::find_line("f", "bare", lines).make() == 2);
  CHECK_THROWS_WITH(diva::detail::find_line("f", "frist", lines), Contains("did you mean 'first'"));
  CHECK(diva::detail::names(lines) == std::vector<std::string>{"first", "bare", "Other", "Same"});
}

TEST_CASE("to_markdown prints each concept once, with its other names and their defaults") {
  const auto page = diva::to_markdown("Things", diva::detail::listings(lines));
  CHECK_THAT(page, Contains("## Things\n"));
  CHECK_THAT(page, Contains("| `first` | a + b | Somebody, 2020 | O(n) |\n"));
  CHECK_THAT(page, Contains("Also `Other` with limit = 2; `Same`.\n"));
  CHECK_THAT(page, Contains("| `limit` | infinity | greater than 0 | how far \\| at most |\n"));
  CHECK_THAT(page, Contains("### bare\n"));
  CHECK_THAT(page, !Contains("### Other"));
}
