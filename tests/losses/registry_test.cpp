#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/registry.hpp>

using Catch::Matchers::Contains;

TEST_CASE("every registered loss is made under its own name or that of which it is an alias, and is documented") {
  for (const auto& listing : diva::loss_listings()) {
    INFO(listing.name);
    const auto* alias_of = listing.summary.alias_of;
    CHECK(diva::make_loss(listing.name, 5)->name() == (alias_of != nullptr ? alias_of : listing.name));
    CHECK(!listing.options.empty());
    CHECK((alias_of != nullptr || (*listing.summary.formula != 0 && *listing.summary.source != 0 && *listing.summary.cost != 0)));
  }
}

TEST_CASE("losses by name take options and refuse unknown ones") {
  CHECK_NOTHROW(diva::make_loss("margin", 3, R"({"boundary": 0.6, "counting": "repo"})"));
  CHECK_THROWS_WITH(diva::make_loss("margn", 3), Contains("did you mean 'margin'"));
  CHECK_THROWS_WITH(diva::make_loss("triplet", 3, R"({"magin": 1})"), Contains("did you mean 'margin'"));
  CHECK_THROWS_AS(diva::make_loss("margin", 3, R"({"boundary": 2.5})"), diva::OptionError);
  CHECK_THROWS_AS(diva::make_loss("margin", 3, "{"), diva::OptionError);
}
