#include "support/catch.hpp"

#include <diva/core/json.hpp>

namespace {

struct Inner {
  double rate = 0.5;
};
template <class Visitor>
void describe(Inner& options, Visitor&& visit) {
  visit("rate", options.rate, "a share", diva::between(0, 1));
}

struct Open {
  double bound = 1;
};
template <class Visitor>
void describe(Open& options, Visitor&& visit) {
  visit("bound", options.bound, "", diva::any_value);
}

struct Everything {
  bool flag = true;
  std::int64_t count = 3;
  std::string name = "x";
  diva::Variant variant = diva::Variant::fixed;
  std::vector<double> weights = {1, 2};
  Inner inner = {};
};
template <class Visitor>
void describe(Everything& options, Visitor&& visit) {
  visit("flag", options.flag, "");
  visit("count", options.count, "", diva::at_least(1));
  visit("name", options.name, "");
  visit("variant", options.variant, "");
  visit("weights", options.weights, "", diva::non_negative);
  visit("inner", options.inner, "");
}

Everything read(const std::string& text) {
  Everything options;
  diva::from_json(diva::parse_json(text, "test"), options);
  return options;
}

}  // namespace

TEST_CASE("options survive the way to JSON and back") {
  Everything options{
      .flag = false, .count = 9, .name = "é", .variant = diva::Variant::repo, .weights = {0.1}, .inner = {.rate = 0.25}};
  Everything back;
  diva::from_json(diva::to_json(options), back);
  CHECK(diva::to_json(back) == diva::to_json(options));
}

TEST_CASE("infinity survives the way through a text") {
  struct Case {
    double bound;
    const char* text;
  };
  for (const auto& [bound, text] : {Case{INFINITY, R"({"bound":"inf"})"}, Case{-INFINITY, R"({"bound":"-inf"})"}}) {
    const auto written = diva::to_json(Open{.bound = bound}).dump();
    CHECK(written == text);
    Open back{.bound = 0};
    diva::from_json(diva::parse_json(written, "test"), back);
    CHECK(back.bound == bound);
  }
  Open options;
  CHECK_THROWS_AS(diva::from_json(diva::parse_json(R"({"bound": "infinite"})", "test"), options), diva::OptionError);
  CHECK_THROWS_AS(diva::from_json(diva::parse_json(R"({"bound": null})", "test"), options), diva::OptionError);
}

TEST_CASE("JSON overwrites only what it names") {
  const auto options = read(R"({"inner": {"rate": 1}, "variant": "paper"})");
  CHECK(options.inner.rate == 1);
  CHECK(options.variant == diva::Variant::paper);
  CHECK(options.count == 3);
}

TEST_CASE("bad JSON is refused with the field's name") {
  using Catch::Matchers::Contains;
  CHECK_THROWS_WITH(read(R"({"cuont": 1})"), Contains("cuont") && Contains("did you mean 'count'"));
  CHECK_THROWS_WITH(read(R"({"count": "many"})"), Contains("options.count") && Contains("an integer"));
  CHECK_THROWS_WITH(read(R"({"inner": {"rate": 2}})"), Contains("rate") && Contains("[0, 1]"));
  CHECK_THROWS_WITH(read(R"({"variant": "wrong"})"), Contains("fixed, paper, repo"));
  CHECK_THROWS_WITH(read(R"({"weights": [1, "a"]})"), Contains("weights[1]"));
  CHECK_THROWS_AS(read("{"), diva::OptionError);
  CHECK_THROWS_AS(read("[]"), diva::OptionError);
}
