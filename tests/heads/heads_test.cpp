#include "support/catch.hpp"

#include <torch/utils.h>
#include <diva/core/error.hpp>
#include <diva/heads/heads.hpp>

#include <cmath>

using diva::Generator;
using diva::Heads;

TEST_CASE("a head is a linear map and a normalisation, worked by hand") {
  Generator generator(0);
  Heads heads({"a"}, 2, 2, generator);
  diva::State state;
  state.put("a.weight", torch::tensor({{1.0F, 0.0F}, {0.0F, 2.0F}}));
  state.put("a.bias", torch::tensor({2.0F, 0.0F}));
  heads.restore(state);
  // (1, 2) -> (1 + 2, 4) = (3, 4) -> (0.6, 0.8)
  const auto y = heads.forward(torch::tensor({{1.0F, 2.0F}})).at("a");
  CHECK(torch::allclose(y, torch::tensor({{0.6F, 0.8F}})));
}

TEST_CASE("heads have their own weights, equal for equal generators") {
  Generator one(3), same(3);
  const std::vector<std::string> names = {"discriminative", "shared"};
  const Heads heads(names, 16, 8, one), again(names, 16, 8, same);
  const auto x = Generator(1).normal({5, 16});
  const auto y = heads.forward(x);
  CHECK(y.size() == 2);
  CHECK(torch::equal(y.at("shared"), again.forward(x).at("shared")));
  CHECK(torch::equal(y.at("shared"), heads.forward(x, "shared")));
  CHECK_FALSE(torch::allclose(y.at("shared"), y.at("discriminative")));
  CHECK(torch::allclose(y.at("shared").norm(2, 1), torch::ones({5})));
  CHECK(heads.named_parameters()[0].tensor.abs().max().item<double>() <= 1 / std::sqrt(16.0));
}

TEST_CASE("a clone of heads is equal and independent") {
  Generator generator(1);
  const Heads heads({"a"}, 4, 3, generator);
  const auto clone = heads.clone();
  const auto x = Generator(2).normal({2, 4});
  CHECK(torch::equal(heads.forward(x).at("a"), clone.forward(x).at("a")));
  {
    torch::NoGradGuard guard;
    heads.parameters()[0].zero_();
  }
  CHECK_FALSE(torch::equal(heads.forward(x).at("a"), clone.forward(x).at("a")));
}

TEST_CASE("heads refuse names twice, unknown names and features of another size") {
  Generator generator(1);
  CHECK_THROWS_AS(Heads({}, 4, 3, generator), diva::OptionError);
  CHECK_THROWS_AS(Heads({"a", "a"}, 4, 3, generator), diva::OptionError);
  CHECK_THROWS_AS(Heads({"a"}, 0, 3, generator), diva::OptionError);
  const Heads heads({"a"}, 4, 3, generator);
  CHECK_THROWS_AS(heads.forward(torch::zeros({2, 5})), diva::ShapeError);
  CHECK_THROWS_AS(heads.forward(torch::zeros({2, 4}), "b"), diva::OptionError);
}

TEST_CASE("heads tell their names, in order, and their dimension") {
  Generator generator(1);
  const Heads heads({"shared", "discriminative"}, 4, 3, generator);
  CHECK(heads.names() == std::vector<std::string>{"shared", "discriminative"});
  CHECK(heads.embed_dim() == 3);
}
