#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/regularizers.hpp>
#include <diva/losses/triplet_loss.hpp>
#include <diva/losses/wrappers.hpp>
#include <diva/miners/registry.hpp>

#include <algorithm>

using Catch::Matchers::Contains;
using Catch::Matchers::WithinAbs;

namespace {

const auto x = diva::Generator(1).normal({12, 6}, torch::kFloat64);
const auto labels = torch::arange(12, torch::kInt64).remainder(3);

std::unique_ptr<diva::Loss> make(const std::string& name, const std::string& options, std::uint64_t seed = 5) {
  diva::Generator generator(seed);
  auto loss = diva::make_loss(name, {.num_classes = 3, .embed_dim = 6}, options, generator);
  loss->to(torch::kFloat64);
  return loss;
}

double value(const std::string& name, const std::string& options) { return make(name, options)->forward(x, labels).item<double>(); }

}  // namespace

TEST_CASE("every wrapper is made by its name or that of which it is an alias, and is documented") {
  for (const auto& listing : diva::wrapper_listings()) {
    INFO(listing.name);
    const std::string name = listing.summary.alias_of != nullptr ? listing.summary.alias_of : listing.name;
    const auto loss = make(listing.name, name == "multiple"         ? R"({"of": ["triplet", "softmax"]})"
                                         : name == "sub_dimensions" ? R"({"dims": [2, 6], "of": "softmax"})"
                                         : name == "mined"          ? R"({"miner": "random", "of": "triplet"})"
                                                                    : R"({"of": "contrastive"})");
    CHECK(loss->name() == name);
    CHECK(loss->forward(x, labels).isfinite().item<bool>());
    CHECK(!listing.options.empty());
    CHECK((listing.summary.alias_of != nullptr || (*listing.summary.formula != 0 && *listing.summary.cost != 0)));
  }
  const auto names = diva::loss_names();
  for (const auto& wrapper : diva::wrapper_names()) CHECK(std::count(names.begin(), names.end(), wrapper) == 0);
}

TEST_CASE("multiple adds criteria, regularisers of embeddings and of parameters with their weights") {
  const auto sum = make("multiple", R"({
    "of": [{"loss": "triplet", "margin": 0.5, "weight": 2}, "softmax", {"loss": "softmax", "name": "warm", "temperature": 0.5}, "softmax"],
    "regularizers": [{"regularizer": "lp", "p": 1, "weight": 0.25}, {"regularizer": "zero_mean", "on": "softmax.proxies"}]})");
  // Made in this order, so that each draws its proxies where the sum does.
  diva::Generator generator(5);
  const diva::LossShape shape = {.num_classes = 3, .embed_dim = 6};
  const auto made = [&](const char* name, const char* options) {
    auto loss = diva::make_loss(name, shape, options, generator);
    loss->to(torch::kFloat64);
    return loss;
  };
  const auto triplet = made("triplet", R"({"margin": 0.5})"), first = made("softmax", "{}"),
             warm = made("softmax", R"({"temperature": 0.5})"), second = made("softmax", "{}");
  const auto of = [](diva::Loss& loss) { return loss.forward(x, labels).item<double>(); };
  const double expected = 2 * of(*triplet) + of(*first) + of(*warm) + of(*second) +
                          0.25 * diva::make_regularizer("lp", R"({"p": 1})")(x).item<double>() +
                          diva::make_regularizer("zero_mean")(first->parameters()[0]).item<double>();
  CHECK_THAT(sum->forward(x, labels).item<double>(), WithinAbs(expected, 1e-12));
  std::vector<std::string> names;
  for (const auto& parameter : sum->named_parameters()) names.push_back(parameter.name);
  CHECK(names == std::vector<std::string>{"softmax.proxies", "warm.proxies", "softmax_2.proxies"});
  CHECK(sum->takes_tuples());
  CHECK(!make("multiple", R"({"of": ["softmax"]})")->takes_tuples());
}

TEST_CASE("multiple gives mined tuples to the criteria that take some") {
  const auto index = [](std::initializer_list<std::int64_t> values) { return torch::tensor(std::vector<std::int64_t>(values)); };
  const diva::Triplets triplets = {index({0, 1}), index({3, 4}), index({2, 3})};
  const auto proxies = make("softmax", "{}");
  diva::TripletLoss triplet;
  CHECK_THAT(make("multiple", R"({"of": ["softmax", "triplet"]})")->forward(x, labels, triplets).item<double>(),
             WithinAbs(proxies->forward(x, labels).item<double>() + triplet.forward(x, labels, triplets).item<double>(), 1e-12));
  // Where all are of proxies, the tuples weigh samples as they do for one.
  CHECK(make("multiple", R"({"of": ["softmax"]})")->forward(x, labels, triplets).item<double>() ==
        proxies->forward(x, labels, triplets).item<double>());
}

TEST_CASE("sub_dimensions makes its criterion for each number of dimensions") {
  const auto loss = make("sub_dimensions", R"({"dims": [2, 6], "weights": [1, 0.5], "of": {"loss": "proxynca", "scale": 2}})");
  const auto parameters = loss->parameters();
  REQUIRE(parameters.size() == 2);
  CHECK(parameters[0].size(1) == 2);
  CHECK(parameters[1].size(1) == 6);
  const auto cut = x.narrow(1, 0, 2);
  CHECK_THAT(value("matryoshka", R"({"dims": [2], "of": {"loss": "triplet", "margin": 0.3}})"),
             WithinAbs(diva::TripletLoss({.margin = 0.3}).forward(cut / cut.norm(2, 1, true), labels).item<double>(), 1e-12));
}

TEST_CASE("wrappers nest: a memory of a mined criterion on leading dimensions") {
  const auto loss = make("sub_dimensions", R"({"dims": [3], "of":
    {"loss": "cross_batch_memory", "capacity": 24, "of":
      {"loss": "mined", "miner": {"miner": "pair_margin", "negative_margin": 1.1}, "of": {"loss": "contrastive"}}}})");
  for (int step = 0; step < 3; ++step) CHECK(loss->forward(x, labels).isfinite().item<bool>());
  CHECK(loss->state().tensor("0.embeddings").sizes() == torch::IntArrayRef({24, 3}));
  CHECK(loss->state().integer("0.loss.draws") == 3);
}

TEST_CASE("mined draws from the generator that it is made with") {
  constexpr const char* options = R"({"miner": "random", "of": {"loss": "triplet", "margin": 2}})";
  const auto of = [&](std::uint64_t seed) { return make("mined", options, seed)->forward(x, labels).item<double>(); };
  CHECK(of(1) == of(1));
  CHECK(of(1) != of(2));
}

TEST_CASE("wrappers refuse what is missing, unknown or of the wrong kind, and say where") {
  CHECK_THROWS_WITH(make("cross_batch_memory", "{}"), Contains("loss cross_batch_memory.of"));
  CHECK_THROWS_WITH(make("mined", R"({"of": "triplet"})"), Contains("loss mined.miner"));
  CHECK_THROWS_WITH(make("mined", R"({"of": "triplet", "miner": {"margin": 1}})"), Contains("'miner' beside its options"));
  CHECK_THROWS_WITH(make("cross_batch_memory", R"({"of": "contrastve"})"), Contains("did you mean 'contrastive'"));
  CHECK_THROWS_WITH(make("cross_batch_memory", R"({"of": "contrastive", "capacty": 3})"), Contains("did you mean 'capacity'"));
  CHECK_THROWS_WITH(make("cross_batch_memry", "{}"), Contains("did you mean 'cross_batch_memory'"));
  CHECK_THROWS_WITH(make("multiple", R"({"of": [{"loss": "triplet", "magin": 1}]})"), Contains("did you mean 'margin'"));
  CHECK_THROWS_WITH(make("multiple", R"({"of": ["softmax"], "regularizers": [{"regularizer": "lp", "on": "softmax.proxie"}]})"),
                    Contains("did you mean 'softmax.proxies'"));
  for (const char* options : {R"({"of": "triplet"})", R"({"of": []})", R"({"of": [3]})", R"({"of": ["triplet"], "margin": 1})",
                              R"({"of": [{"loss": "triplet", "weight": "much"}]})", R"({"of": ["triplet"], "regularizers": {}})",
                              R"({"of": [{"loss": "triplet", "name": "a"}, {"loss": "margin", "name": "a"}]})", "[]", "{"}) {
    INFO(options);
    CHECK_THROWS_AS(make("multiple", options), diva::OptionError);
  }
  CHECK_THROWS_AS(make("sub_dimensions", R"({"of": "triplet"})"), diva::OptionError);
  CHECK_THROWS_AS(make("sub_dimensions", R"({"dims": [0], "of": "softmax"})"), diva::OptionError);
  CHECK_THROWS_AS(make("self_supervised", R"({"of": "contrastive", "symmetric": 1})"), diva::OptionError);
}

TEST_CASE("a criterion around another wants what that one wants") {
  // snr has a rate of its own and takes what a miner chooses; proxies compare with the whole batch.
  for (const auto& [inner, rate, tuples] : {std::tuple{R"({"loss": "snr", "boundary_learning_rate": 0.25})", 0.25, true},
                                            std::tuple{R"({"loss": "softmax", "proxies": {"learning_rate": 0.5}})", 0.5, false}}) {
    INFO(inner);
    for (const auto* wrapper : {"cross_batch_memory", "self_supervised", "mined", "multiple", "sub_dimensions"}) {
      INFO(wrapper);
      const std::string name = wrapper;
      const auto of = name == "multiple" ? "[" + std::string(inner) + "]" : std::string(inner);
      const auto more = name == "mined" ? R"(, "miner": "random")" : name == "sub_dimensions" ? R"(, "dims": [2, 6])" : "";
      const auto loss = make(name, R"({"of": )" + of + more + "}");
      CHECK(loss->learning_rate() == rate);
      // Of views without labels, or of a miner of its own, there is nothing for another miner to choose.
      CHECK(loss->takes_tuples() == (tuples && name != "self_supervised" && name != "mined"));
    }
  }
  CHECK(make("soft_nearest_neighbour", R"({"temperature_learning_rate": 0.125})")->learning_rate() == 0.125);
}

TEST_CASE("criteria that see the whole batch ask for no miner") {
  for (const auto* name : {"multisimilarity", "histogram", "instance", "manifold", "vicreg"}) {
    INFO(name);
    CHECK_FALSE(make(name, "{}")->takes_tuples());
  }
}
