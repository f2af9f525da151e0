#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/registry.hpp>

using Catch::Matchers::Contains;

TEST_CASE("every registered loss is made under its own name") {
  for (const auto& name : diva::loss_names()) CHECK(diva::make_loss(name, 5)->name() == name);
}

TEST_CASE("losses by name take options and refuse unknown ones") {
  CHECK_NOTHROW(diva::make_loss("margin", 3, R"({"boundary": 0.6, "counting": "repo"})"));
  CHECK_THROWS_WITH(diva::make_loss("margn", 3), Contains("did you mean 'margin'"));
  CHECK_THROWS_WITH(diva::make_loss("triplet", 3, R"({"magin": 1})"), Contains("did you mean 'margin'"));
  CHECK_THROWS_AS(diva::make_loss("margin", 3, R"({"boundary": 2.5})"), diva::OptionError);
  CHECK_THROWS_AS(diva::make_loss("margin", 3, "{"), diva::OptionError);
}
