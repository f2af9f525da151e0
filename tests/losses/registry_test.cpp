#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/proxy_loss.hpp>
#include <diva/losses/registry.hpp>

using Catch::Matchers::Contains;

TEST_CASE("every registered loss is made under its own name or that of which it is an alias, and is documented") {
  for (const auto& listing : diva::loss_listings()) {
    INFO(listing.name);
    const auto* alias_of = listing.summary.alias_of;
    diva::Generator generator(1);
    const auto loss = diva::make_loss(listing.name, {.num_classes = 5, .embed_dim = 3}, "{}", generator);
    CHECK(loss->name() == (alias_of != nullptr ? alias_of : listing.name));
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

TEST_CASE("losses with proxies need their shape and draw from the generator") {
  CHECK_THROWS_WITH(diva::make_loss("proxynca", 5), Contains("embed_dim"));
  CHECK_THROWS_AS(diva::make_loss("cosface", 0), diva::OptionError);
  const auto proxies = [](std::uint64_t seed) {
    diva::Generator generator(seed);
    return diva::make_loss("softmax", {.num_classes = 5, .embed_dim = 3}, "{}", generator)->parameters()[0].clone();
  };
  CHECK(torch::equal(proxies(1), proxies(1)));
  CHECK(!torch::equal(proxies(1), proxies(2)));
  diva::Generator generator(1);
  diva::make_loss("triplet", {.num_classes = 5, .embed_dim = 3}, "{}", generator);
  CHECK(generator.position() == diva::Generator(1).position());
}

TEST_CASE("losses that draw triplets draw them from the generator that they are made with") {
  const auto x = diva::Generator(3).normal({12, 4}, torch::kFloat64);
  const auto labels = torch::arange(12, torch::kInt64).remainder(3);
  for (const char* name : {"triplet", "margin", "TripletMarginLoss", "MarginLoss"}) {
    INFO(name);
    const auto value = [&](std::uint64_t seed) {
      diva::Generator generator(seed);
      const auto loss = diva::make_loss(name, {.num_classes = 3}, R"({"triplets_per_anchor": 1, "margin": 0.8})", generator);
      CHECK(generator.position() != diva::Generator(seed).position());
      return loss->forward(x, labels).item<double>();
    };
    CHECK(value(1) == value(1));
    CHECK(value(1) != value(2));
  }
}

TEST_CASE("names of PML make the criterion with PML's defaults, which options replace one by one") {
  diva::Generator generator(1);
  const auto logit = [&](const char* name, const char* options) {
    const auto loss = diva::make_loss(name, {.num_classes = 2, .embed_dim = 2}, options, generator);
    dynamic_cast<diva::ProxyLoss&>(*loss).parameters()[0].detach().copy_(torch::eye(2));
    return dynamic_cast<diva::ProxyLoss&>(*loss).logits(torch::tensor({{2.0, 0.0}}))[0][0].item<double>();
  };
  CHECK(logit("softmax", R"({"temperature": 0.5})") == 4);                // 2/T
  CHECK(logit("NormalizedSoftmaxLoss", R"({"temperature": 0.5})") == 2);  // 1/T
  CHECK(logit("NormalizedSoftmaxLoss", R"({"temperature": 0.5, "normalize_embeddings": false})") == 4);
}
