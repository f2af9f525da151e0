#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/ssl/registry.hpp>

using Catch::Matchers::Contains;

TEST_CASE("self-similarity criteria by name, the seed's fast_moco among them") {
  CHECK(diva::make_self_similarity("moco")->name() == "moco");
  CHECK(diva::make_self_similarity("fast_moco")->name() == "dance");
  CHECK_THROWS_WITH(diva::make_self_similarity("dnace"), Contains("did you mean 'dance'"));
  CHECK_THROWS_WITH(diva::make_self_similarity("dance", R"({"temprature": 1})"), Contains("did you mean 'temperature'"));
}
