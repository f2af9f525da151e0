#include "support/catch.hpp"

#include <diva/core/options.hpp>

namespace {

struct Inner {
  double rate = 0.5;
};
template <class Visitor>
void describe(Inner& options, Visitor&& visit) {
  visit("rate", options.rate, "a share", diva::between(0, 1));
}

struct Outer {
  std::int64_t count = 3;
  Inner inner = {};
};
template <class Visitor>
void describe(Outer& options, Visitor&& visit) {
  visit("count", options.count, "how many", diva::at_least(1));
  visit("inner", options.inner, "nested");
}

}  // namespace

TEST_CASE("options inside their bounds pass, outside they fail with the field's name") {
  CHECK_NOTHROW(diva::validate_fields("f", Outer{}));
  CHECK_THROWS_WITH(diva::validate_fields("Sampler", Outer{.count = 0}), "Sampler: count must be at least 1, got 0");
  CHECK_THROWS_AS(diva::validate_fields("f", Outer{.inner = {.rate = 1.5}}), diva::OptionError);
  CHECK_THROWS_AS(diva::validate_fields("f", Outer{.inner = {.rate = NAN}}), diva::OptionError);
}

TEST_CASE("bounds say what they allow and respect open ends") {
  CHECK(diva::positive.text() == "greater than 0");
  CHECK_FALSE(diva::positive.contain(0));
  CHECK(diva::between(0, 2).text() == "in [0, 2]");
  CHECK(diva::non_negative.contain(0));
  CHECK_FALSE(diva::any_value.contain(NAN));
}

TEST_CASE("nearest_name finds the likely meant name and stays silent when none is near") {
  const std::vector<std::string> names = {"margin", "triplet", "contrastive"};
  CHECK(diva::nearest_name("margn", names) == "margin");
  CHECK(diva::nearest_name("tripplet", names) == "triplet");
  CHECK(diva::nearest_name("zzzzzzzzz", names).empty());
}

TEST_CASE("variant has its names") { CHECK(diva::to_string(diva::Variant::repo) == "repo"); }
