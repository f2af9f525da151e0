#include "support/catch.hpp"

#include <torch/utils.h>
#include <diva/core/error.hpp>
#include <diva/decorrelation/adversarial_separation.hpp>

using diva::AdversarialSeparation;
using diva::Generator;

namespace {

std::map<std::string, torch::Tensor> heads(std::uint64_t seed) {
  Generator generator(seed);
  std::map<std::string, torch::Tensor> result;
  for (const auto* name : {"a", "b", "c"}) result[name] = generator.normal({6, 4}, torch::kFloat64);
  return result;
}

}  // namespace

TEST_CASE("adversarial separation of one edge worked by hand") {
  Generator generator(0);
  AdversarialSeparation separation({{"a", "b", 10}}, 2, generator, {.hidden_dim = 2});
  separation.to(torch::kFloat64);
  diva::State state;  // the network is the identity on positive vectors
  for (const auto* name : {"0.weight", "2.weight"})
    state.put(std::string("regressors.a-b.") + name, torch::eye(2, torch::kFloat64));
  for (const auto* name : {"0.bias", "2.bias"})
    state.put(std::string("regressors.a-b.") + name, torch::zeros({2}, torch::kFloat64));
  separation.restore(state);
  // n(a) = (0.6, 0.8), n(b) = (1, 0): product (0.6, 0), squared (0.36, 0), mean 0.18, times −10.
  const auto value = separation.forward(
      {{"a", torch::tensor({{3.0, 4.0}}, torch::kFloat64)}, {"b", torch::tensor({{5.0, 0.0}}, torch::kFloat64)}});
  CHECK(std::abs(value.item<double>() + 1.8) < 1e-12);
}

TEST_CASE("the networks learn to agree while the heads are pushed apart") {
  auto embeddings = heads(1);
  for (auto& [name, tensor] : embeddings) tensor.requires_grad_();
  Generator generator(2);
  AdversarialSeparation separation({{"a", "b", 100}, {"c", "b", 50}}, 4, generator, {.hidden_dim = 8});
  separation.to(torch::kFloat64);
  const auto agreement = [&] { return -separation.forward(embeddings); };
  const double before = agreement().item<double>();
  separation.forward(embeddings).backward();
  torch::NoGradGuard guard;
  // One small step against the gradient: of the networks alone, agreement rises; of the heads alone, it falls.
  for (auto parameter : separation.parameters()) parameter -= 1e-5 * parameter.grad();
  CHECK(agreement().item<double>() > before);
  for (auto parameter : separation.parameters()) parameter += 1e-5 * parameter.grad();
  for (auto& [name, tensor] : embeddings) tensor -= 1e-4 * tensor.grad();
  CHECK(agreement().item<double>() < before);
}

TEST_CASE("adversarial separation is finite for rows of zeros and zero for an empty batch") {
  auto embeddings = heads(3);
  for (auto& [name, tensor] : embeddings) tensor = torch::zeros_like(tensor).requires_grad_();
  Generator generator(2);
  AdversarialSeparation separation({{"a", "b", 100}}, 4, generator, {.hidden_dim = 8});
  separation.to(torch::kFloat64);
  separation.forward(embeddings).backward();
  CHECK(embeddings["a"].grad().isfinite().all().item<bool>());
  for (auto& [name, tensor] : embeddings) tensor = tensor.detach().narrow(0, 0, 0);
  CHECK(separation.forward(embeddings).item<double>() == 0);
}

TEST_CASE("each edge has its own weight and none is dropped") {
  const auto embeddings = heads(4);
  const auto value = [&](double ab, double cb) {
    Generator generator(7);
    AdversarialSeparation separation({{"a", "b", ab}, {"c", "b", cb}}, 4, generator, {.hidden_dim = 8});
    separation.to(torch::kFloat64);
    return separation.forward(embeddings).item<double>();
  };
  CHECK(std::abs(value(100, 50) - value(100, 0) - value(0, 50)) < 1e-9);
  CHECK(value(0, 50) < 0);
}

TEST_CASE("edges are read as the seed writes them, defaults lead to the discriminative head") {
  const auto edge = diva::parse_edge("shared-discriminative", 150);
  CHECK(edge.source == "shared");
  CHECK(edge.target == "discriminative");
  CHECK(edge.name() == "shared-discriminative");
  for (const auto* bad : {"shared", "-a", "a-", "a-b-c"}) CHECK_THROWS_AS(diva::parse_edge(bad, 1), diva::OptionError);
  const auto edges = diva::default_edges({"discriminative", "selfsimilarity", "shared", "intra"}, 300);
  REQUIRE(edges.size() == 3);
  CHECK(edges[2].name() == "intra-discriminative");
  CHECK(edges[2].weight == 300);
}

TEST_CASE("adversarial separation refuses missing heads, loops and wrong dimensions") {
  Generator generator(1);
  CHECK_THROWS_AS(AdversarialSeparation({{"a", "a", 1}}, 4, generator), diva::OptionError);
  CHECK_THROWS_AS(AdversarialSeparation({{"a", "b", -1}}, 4, generator), diva::OptionError);
  const AdversarialSeparation separation({{"a", "x", 1}}, 4, generator);
  CHECK_THROWS_AS(separation.forward(heads(1)), diva::OptionError);
  const AdversarialSeparation narrow({{"a", "b", 1}}, 3, generator);
  CHECK_THROWS_AS(narrow.forward(heads(1)), diva::ShapeError);
}

TEST_CASE("adversarial separation tells its edges and is documented") {
  Generator generator(1);
  const AdversarialSeparation separation({{"a", "b", 10}, {"c", "b", 5}}, 2, generator);
  REQUIRE(separation.edges().size() == 2);
  CHECK(separation.edges()[1].source == "c");
  CHECK(separation.edges()[1].target == "b");
  CHECK(separation.edges()[1].weight == 5);
  const auto listings = diva::decorrelation_listings();
  REQUIRE(listings.size() == 1);
  CHECK(listings[0].name == "adversarial_separation");
  CHECK(*listings[0].summary.formula != 0);
  CHECK(!listings[0].options.empty());
}
