#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/heads/combination.hpp>

#include <cmath>

using diva::Combination;

namespace {

const std::vector<std::string> four = {"discriminative", "selfsimilarity", "shared", "intra"};

}  // namespace

TEST_CASE("combinations are read and written as the seed names them") {
  const auto name = "Combined_discriminative_selfsimilarity_shared_intra-0.75-1.25-1.25-1.25";
  const auto combination = diva::parse_combination(name, four);
  CHECK(combination.heads == four);
  CHECK(combination.weights == std::vector<double>{0.75, 1.25, 1.25, 1.25});
  CHECK(combination.name() == name);
  CHECK(diva::parse_combination("shared", four) == Combination{{"shared"}, {1}});
  CHECK(diva::parse_combination("Combined_shared_intra", four) == Combination{{"shared", "intra"}, {1, 1}});
}

TEST_CASE("heads whose names hold underscores or begin another are told apart") {
  const std::vector<std::string> heads = {"a", "a_b", "b"};
  CHECK(diva::parse_combination("Combined_a_b-1", heads).heads == std::vector<std::string>{"a_b"});
  CHECK(diva::parse_combination("Combined_b_a-1-2", heads).heads == std::vector<std::string>{"b", "a"});
}

TEST_CASE("combinations that make no sense are refused") {
  CHECK_THROWS_AS(diva::parse_combination("Combined_discriminative_shared-1", four), diva::OptionError);
  CHECK_THROWS_AS(diva::parse_combination("Combined_discriminative_sharde-1-1", four), diva::OptionError);
  CHECK_THROWS_AS(diva::parse_combination("Combined_shared_intra-1-x", four), diva::OptionError);
  CHECK_THROWS_AS(diva::parse_combination("Combined_shared_intra-0-0", four), diva::OptionError);
  CHECK_THROWS_AS(diva::parse_combination("Combined_", four), diva::OptionError);
  CHECK_THROWS_AS(diva::parse_combination("nothing", four), diva::OptionError);
}

TEST_CASE("combined distance is the weighted mean of the heads' squared distances") {
  diva::Generator generator(1);
  diva::Embeddings embeddings;
  for (const auto& head : four) {
    const auto x = generator.normal({2, 8}, torch::kFloat64);
    embeddings[head] = x / x.norm(2, 1, true);
  }
  const Combination combination{four, {0.5, 1, 1, 2}};
  const auto combined = diva::combine(embeddings, combination);
  CHECK(combined.sizes() == torch::IntArrayRef({2, 32}));
  double expected = 0, total = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const auto& x = embeddings[four[i]];
    const double w = combination.weights[i] * combination.weights[i];
    expected += w * (x[0] - x[1]).square().sum().item<double>();
    total += w;
  }
  CHECK(std::abs((combined[0] - combined[1]).square().sum().item<double>() - expected / total) < 1e-12);
  CHECK_THROWS_AS(diva::combine(embeddings, {{"missing"}, {1}}), diva::OptionError);
  CHECK_THROWS_AS(diva::combine(embeddings, {{"shared"}, {-1}}), diva::OptionError);
}

TEST_CASE("all combinations hold single heads, equal weights and the published ones") {
  const auto all = diva::all_combinations(four);
  const auto has = [](const std::vector<Combination>& list, const Combination& one) {
    return std::find(list.begin(), list.end(), one) != list.end();
  };
  CHECK(has(all, {{"shared"}, {1}}));
  CHECK(has(all, {four, {1, 1, 1, 1}}));
  CHECK(has(all, {four, {0.5, 1, 1, 1}}));
  CHECK(has(all, {four, {0.5, 1.5, 1.5, 1.5}}));
  CHECK(has(diva::all_combinations(four, true), {four, {1.5, 1, 1, 1}}));
  CHECK(diva::all_combinations({"discriminative"}).size() == 1);
  CHECK(has(diva::all_combinations({"a", "b"}), {{"a", "b"}, {0.5, 1}}));
  CHECK(has(diva::all_combinations({"a", "b", "c"}), {{"a", "b", "c"}, {1.5, 1, 1}}));
  CHECK(has(diva::all_combinations({"a", "b", "c", "d", "e"}), {{"a", "b", "c", "d", "e"}, {1, 1, 1, 1, 1}}));
}
