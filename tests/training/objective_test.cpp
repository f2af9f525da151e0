#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/training/objective.hpp>

using Catch::Matchers::Contains;
using diva::Generator;
using diva::Objective;

namespace {

const std::vector<std::string> four = {"discriminative", "selfsimilarity", "shared", "intra"};

torch::Tensor unit_rows(Generator& generator, std::int64_t rows) {
  const auto x = generator.normal({rows, 8}, torch::kFloat64);
  return x / x.norm(2, 1, true);
}

struct Batch {
  diva::Embeddings embeddings;
  torch::Tensor labels = torch::arange(8).remainder(4);
  torch::Tensor keys, queue;
};

Batch batch(const std::vector<std::string>& heads) {
  Generator generator(1);
  Batch result;
  for (const auto& head : heads) result.embeddings[head] = unit_rows(generator, 8).requires_grad_();
  result.keys = unit_rows(generator, 8);
  result.queue = unit_rows(generator, 20);
  return result;
}

Objective::Value value_of(const diva::ObjectiveOptions& options, const std::vector<std::string>& heads, Batch& data) {
  Objective objective(options, heads, 4, 8, Generator(2));
  objective.to(torch::kFloat64);
  Generator mining(3);
  return objective.forward(data.embeddings, data.labels, objective.mine(data.embeddings, data.labels, mining), data.keys,
                           data.queue);
}

}  // namespace

TEST_CASE("the objective is the weighted sum of its terms, for any subset of heads") {
  const std::map<std::string, double> alpha = {
      {"discriminative", 1}, {"selfsimilarity", 0.5}, {"shared", 0.25}, {"intra", 2}, {"separation", 1}};
  diva::ObjectiveOptions options{.alpha_shared = 0.25, .alpha_intra = 2, .alpha_ssl = 0.5, .rho = {10}};
  for (unsigned subset = 1; subset < 16; ++subset) {
    std::vector<std::string> heads;
    for (unsigned i = 0; i < 4; ++i) {
      if ((subset >> i & 1U) != 0) heads.push_back(four[i]);
    }
    auto data = batch(heads);
    const auto value = value_of(options, heads, data);
    double expected = 0;
    for (const auto& [name, term] : value.terms) expected += alpha.at(name) * term.item<double>();
    INFO("subset " << subset);
    CHECK(std::abs(value.total.item<double>() - expected) < 1e-12);
    const bool separated = heads.size() > 1 && heads[0] == "discriminative";
    CHECK(value.terms.size() == heads.size() + (separated ? 1 : 0));
    value.total.backward();
    for (const auto& [head, x] : data.embeddings) CHECK(x.grad().isfinite().all().item<bool>());
  }
}

TEST_CASE("each head's gradient comes from its own term alone when nothing is decorrelated") {
  auto data = batch(four);
  value_of({.alpha_shared = 0, .alpha_intra = 0, .alpha_ssl = 0, .decorrelations = {}}, four, data).total.backward();
  CHECK(data.embeddings["discriminative"].grad().abs().sum().item<double>() > 0);
  for (const auto* head : {"shared", "intra", "selfsimilarity"})
    CHECK(data.embeddings[head].grad().abs().sum().item<double>() == 0);
}

TEST_CASE("the objective's parameters are named by head and grouped by learning rate") {
  const Objective objective({.loss_options = R"({"boundary_learning_rate": 0.01})"}, four, 4, 8, Generator(2));
  const auto groups = objective.groups();
  REQUIRE(groups.size() == 4);
  CHECK(groups[0].name == "loss.discriminative");
  CHECK(groups[0].parameters[0].name == "loss.discriminative.beta");
  CHECK(groups[0].learning_rate == 0.01);
  CHECK(groups[3].name == "decorrelation");
  CHECK(groups[3].parameters.size() == 12);
  CHECK(Objective({.loss = "triplet"}, {"discriminative"}, 4, 8, Generator(2)).groups().empty());
}

TEST_CASE("decorrelation edges take one weight each, or one for all") {
  diva::ObjectiveOptions options{.decorrelations = {"shared-discriminative", "intra-shared"}, .rho = {1, 2}};
  const auto edges = decorrelation_edges(options, four);
  CHECK(edges[1].name() == "intra-shared");
  CHECK(edges[1].weight == 2);
  options.rho = {7};
  CHECK(decorrelation_edges(options, four)[1].weight == 7);
  options.rho = {1, 2, 3};
  CHECK_THROWS_AS(decorrelation_edges(options, four), diva::OptionError);
  options = {.decorrelations = {"shared-nothing"}};
  CHECK_THROWS_WITH(decorrelation_edges(options, four), Contains("nothing"));
}

TEST_CASE("the objective refuses heads and criteria that it does not know") {
  CHECK_THROWS_WITH(Objective({}, {"discriminativ"}, 4, 8, Generator(0)), Contains("did you mean 'discriminative'"));
  CHECK_THROWS_AS(Objective({.loss = "nothing"}, four, 4, 8, Generator(0)), diva::OptionError);
  CHECK_THROWS_AS(Objective({.alpha_ssl = -1}, four, 4, 8, Generator(0)), diva::OptionError);
  auto data = batch(four);
  const Objective objective({}, four, 4, 8, Generator(2));
  CHECK_THROWS_WITH(objective.forward(data.embeddings, data.labels, {}, data.keys, data.queue), Contains("tuples"));
}

TEST_CASE("criteria of proxies train the discriminative head without a miner, and no head that lives by its tuples") {
  for (const auto* name : {"proxynca", "softmax", "arcface", "softtriplet", "proxy_anchor"}) {
    INFO(name);
    const std::vector<std::string> heads = {"discriminative", "selfsimilarity"};
    auto data = batch(heads);
    Objective objective({.loss = name}, heads, 4, 8, Generator(2));
    objective.to(torch::kFloat64);
    Generator mining(3);
    const auto triplets = objective.mine(data.embeddings, data.labels, mining);
    CHECK(triplets.empty());
    CHECK(mining.position() == Generator(3).position());
    objective.forward(data.embeddings, data.labels, triplets, data.keys, data.queue).total.backward();
    const auto group = objective.groups()[0];
    REQUIRE(group.parameters[0].name == "loss.discriminative.proxies");
    CHECK(group.learning_rate > 0);
    CHECK(group.parameters[0].tensor.grad().abs().sum().item<double>() > 0);
    CHECK_THROWS_WITH(Objective({.loss = name}, {"discriminative", "shared"}, 4, 8, Generator(2)),
                      Contains("'shared'") && Contains(name));
    CHECK_THROWS_AS(Objective({.loss = name}, {"intra"}, 4, 8, Generator(2)), diva::OptionError);
  }
}

TEST_CASE("the objective's state holds the generator of sampled classes") {
  const diva::ObjectiveOptions options{.loss = "softmax", .loss_options = R"({"proxies": {"sample_rate": 0.1}})"};
  auto data = batch({"discriminative"});
  data.labels = torch::zeros({8}, torch::kInt64);
  Objective first(options, {"discriminative"}, 100, 8, Generator(2)), second(options, {"discriminative"}, 100, 8, Generator(3));
  first.to(torch::kFloat64);
  second.to(torch::kFloat64);
  const auto step = [&](Objective& objective) { return objective.forward(data.embeddings, data.labels, {}).total.item<double>(); };
  step(first);
  REQUIRE(first.state().tensors.count("loss.discriminative.sampler") == 1);
  second.restore(first.state());
  for (int i = 0; i < 3; ++i) CHECK(step(first) == step(second));
}
