#include "support/triplet_checks.hpp"

#include <diva/core/error.hpp>
#include <diva/miners/registry.hpp>

using Catch::Matchers::Contains;

TEST_CASE("every registered miner runs on every kind of batch") {
  for (const auto& name : diva::miner_names()) {
    INFO(name);
    const auto miner = diva::make_miner(name);
    triplet_checks::over_batches(miner, [](auto&, auto&) {});
  }
}

TEST_CASE("miners by name take their options and refuse others") {
  CHECK_NOTHROW(diva::make_miner("distance_weighted", R"({"lower_cutoff": 0.4, "upper_cutoff": 1.4})"));
  CHECK_NOTHROW(diva::make_miner("shared", R"({"sharing": "full", "distance": {"lower_cutoff": 0.1}})"));
  CHECK_THROWS_WITH(diva::make_miner("distance_wieghted"), Contains("did you mean 'distance_weighted'"));
  CHECK_THROWS_WITH(diva::make_miner("semihard", R"({"margn": 1})"), Contains("did you mean 'margin'"));
  CHECK_THROWS_AS(diva::make_miner("random", R"({"margin": 1})"), diva::OptionError);
  CHECK_THROWS_AS(diva::make_miner("distance", R"({"lower_cutoff": 3})"), diva::OptionError);
}
