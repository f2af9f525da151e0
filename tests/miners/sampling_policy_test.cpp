#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/miners/parametric.hpp>
#include <diva/miners/sampling_policy.hpp>

using diva::PolicyGradient;
using diva::SamplingPolicy;

namespace {

// The metric rises when bin 1 of 3 was given more weight and falls when less: what is best is known.
double learned_chance(const diva::SamplingPolicyOptions& options, std::uint64_t seed, int steps) {
  diva::Generator generator(seed);
  SamplingPolicy policy(3, 3, generator, options);
  const auto state = torch::ones({3}, torch::kFloat64);
  double metric = 0;
  for (int i = 0; i < steps; ++i) metric += policy.step(state, metric, generator)[1].item<double>() - 1;
  return policy.chances(state)[2][1].item<double>();  // of the largest factor for bin 1
}

}  // namespace

TEST_CASE("a sampling policy draws each bin's factor from its chances") {
  diva::Generator generator(1);
  SamplingPolicy policy(2, 4, generator, {.hidden = {8}, .learning_rate = 0});
  const auto state = torch::tensor({0.3, -1.0}, torch::kFloat64);
  const auto chances = policy.chances(state);
  REQUIRE(chances.sizes() == torch::IntArrayRef({3, 4}));
  CHECK(torch::allclose(chances.sum(0), torch::ones({4}, torch::kFloat64)));
  auto counts = torch::zeros({3, 4}, torch::kFloat64);
  const auto factors = torch::tensor({0.5, 1.0, 1.5}, torch::kFloat64).unsqueeze(1);
  for (int i = 0; i < 2000; ++i) counts += factors == policy.step(state, 0, generator).unsqueeze(0);
  CHECK(((counts / 2000 - chances).abs() < 0.056).all().item<bool>());  // 5 sd of a binomial(2000, 1/2)
}

TEST_CASE("a sampling policy learns what raises the metric, by each gradient and baseline") {
  for (const auto gradient : {PolicyGradient::ppo, PolicyGradient::reinforce}) {
    for (const bool critic : {true, false}) {
      INFO(std::string(to_string(gradient)) << ", critic " << critic);
      CHECK(learned_chance({.hidden = {16}, .gradient = gradient, .critic = critic}, 3, 300) > 0.8);
    }
  }
}

TEST_CASE("a sampling policy's first step of Adam moves every parameter with a gradient by the learning rate") {
  // Adam's first step is lr · g / (|g| + ε'): reinforce with a reward of 1 against an average of 0 raises the chances of what was
  // done.
  diva::Generator generator(5);
  SamplingPolicy policy(1, 1, generator,
                        {.hidden = {}, .factors = {0.5, 2}, .gradient = PolicyGradient::reinforce, .critic = false});
  const auto state = torch::ones({1}, torch::kFloat64);
  const auto before = policy.parameters()[1].detach().clone();
  const auto done = policy.step(state, 0, generator)[0].item<double>() == 0.5 ? 0 : 1;
  policy.step(state, 1, generator);
  const auto moved = policy.parameters()[1].detach() - before;
  CHECK(std::abs(moved[done].item<double>() - 0.01) < 1e-6);
  CHECK(std::abs(moved[1 - done].item<double>() + 0.01) < 1e-6);
}

TEST_CASE("a sampling policy goes on from its state in the same bits") {
  diva::Generator generator(2), other_start(9);
  SamplingPolicy policy(3, 5, generator), copy(3, 5, other_start);
  const auto state = torch::tensor({0.1, 0.2, 0.3}, torch::kFloat64);
  for (int i = 0; i < 7; ++i) policy.step(state * i, 0.1 * (i % 3), generator);
  copy.restore(policy.state());
  auto same = diva::Generator::at(generator.position());
  for (int i = 0; i < 7; ++i) {
    CHECK(torch::equal(policy.step(state * i, 0.1 * (i % 2), generator), copy.step(state * i, 0.1 * (i % 2), same)));
  }
  CHECK(torch::equal(policy.chances(state), copy.chances(state)));
}

TEST_CASE("a sampling policy steers a parametric miner") {
  diva::Generator generator(4);
  diva::ParametricMiner miner({.bins = 6});
  SamplingPolicy policy(6, 6, generator, {.hidden = {16}});
  double metric = 0;
  for (int i = 0; i < 200; ++i) {
    miner.adjust(policy.step(miner.distribution(), metric, generator));
    metric = miner.distribution()[4].item<double>();  // the more weight on bin 4 the better
  }
  CHECK(metric > 0.9);
}

TEST_CASE("a sampling policy refuses bad arguments") {
  diva::Generator generator(0);
  CHECK_THROWS_AS(SamplingPolicy(0, 3, generator), diva::OptionError);
  CHECK_THROWS_AS(SamplingPolicy(3, 3, generator, {.factors = {}}), diva::OptionError);
  CHECK_THROWS_AS(SamplingPolicy(3, 3, generator, {.factors = {0.0, 1.0}}), diva::OptionError);
  SamplingPolicy policy(3, 3, generator);
  CHECK_THROWS_AS(policy.step(torch::zeros({2}), 0, generator), diva::ShapeError);
  CHECK_THROWS_AS(policy.step(torch::zeros({3}), NAN, generator), diva::DataError);
  CHECK_THROWS_AS(policy.step(torch::full({3}, INFINITY), 0, generator), diva::DataError);
}
