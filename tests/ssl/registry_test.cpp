#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/ssl/invariant_spread_loss.hpp>
#include <diva/ssl/registry.hpp>

using Catch::Matchers::Contains;

TEST_CASE("self-similarity criteria by name, the seed's fast_moco among them") {
  CHECK(diva::make_self_similarity("moco")->name() == "moco");
  CHECK(diva::make_self_similarity("fast_moco")->name() == "dance");
  CHECK_THROWS_WITH(diva::make_self_similarity("dnace"), Contains("did you mean 'dance'"));
  CHECK_THROWS_WITH(diva::make_self_similarity("dance", R"({"temprature": 1})"), Contains("did you mean 'temperature'"));
}

TEST_CASE("classifiers of pretext labels by name") {
  diva::Generator generator(1);
  const auto dc = diva::make_pretext_classifier("dc", 12, generator, R"({"clusters": 7, "head": {"learning_rate_factor": 2}})");
  CHECK(dc->name() == "dc");
  CHECK(dc->num_classes() == 7);
  CHECK(dc->learning_rate_factor() == 2);
  const auto imrot = diva::make_pretext_classifier("imrot", 12, generator);
  CHECK(imrot->num_classes() == 4);
  CHECK(imrot->learning_rate_factor() == 10);
  CHECK_THROWS_WITH(diva::make_pretext_classifier("imrto", 12, generator), Contains("did you mean 'imrot'"));
  CHECK_THROWS_AS(diva::make_pretext_classifier("dc", 0, generator), diva::OptionError);
}

TEST_CASE("every self-supervised task is listed and documented") {
  CHECK(diva::ssl_names() == std::vector<std::string>{"moco", "dance", "fast_moco", "invariantspread", "dc", "imrot"});
  CHECK(diva::pretext_classifier_names() == std::vector<std::string>{"dc", "imrot"});
  const diva::InvariantSpreadLoss alone;
  CHECK(alone.name() == "invariantspread");
  for (const auto& listing : diva::ssl_listings()) {
    INFO(listing.name);
    CHECK((listing.summary.alias_of != nullptr || (*listing.summary.formula != 0 && *listing.summary.source != 0)));
    CHECK(!listing.options.empty());
  }
}
