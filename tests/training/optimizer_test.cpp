#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/training/optimizer.hpp>

#include <cmath>

using diva::Optimizer;

namespace {

torch::Tensor leaf(double value) { return torch::full({2}, value, torch::kFloat64).requires_grad_(); }

void step(Optimizer& optimizer, const torch::Tensor& x, double gradient) {
  optimizer.zero_grad();
  (x * gradient).sum().backward();
  optimizer.step();
}

}  // namespace

TEST_CASE("the first step of Adam is the learning rate against the sign of the gradient") {
  auto x = leaf(1), y = leaf(1);
  Optimizer optimizer({{"a", {{"x", x}}, 0.1}, {"b", {{"y", y}}, 0.01}});
  (x * 5 - y * 7).sum().backward();
  optimizer.step();
  CHECK(std::abs(x[0].item<double>() - 0.9) < 1e-8);
  CHECK(std::abs(y[0].item<double>() - 1.01) < 1e-8);
}

TEST_CASE("weight decay adds to the gradient of its group alone") {
  auto x = leaf(1), y = leaf(1);
  Optimizer optimizer({{"a", {{"x", x}}, 0.1, 0.5}, {"b", {{"y", y}}, 0.1}});
  (x * 0 + y * 0).sum().backward();
  optimizer.step();
  CHECK(std::abs(x[0].item<double>() - 0.9) < 1e-6);  // gradient 0.5·1, its sign counts
  CHECK(y[0].item<double>() == 1);
}

TEST_CASE("a restored optimiser continues in the same bits") {
  auto x = leaf(1);
  Optimizer optimizer({{"a", {{"x", x}}, 0.1, 0.01}});
  for (int i = 0; i < 5; ++i) step(optimizer, x, i - 1.5);
  auto copy = x.detach().clone().requires_grad_();
  Optimizer resumed({{"a", {{"x", copy}}, 0.1, 0.01}});
  resumed.restore(optimizer.state());
  for (int i = 0; i < 5; ++i) {
    step(optimizer, x, 0.3 * i);
    step(resumed, copy, 0.3 * i);
    REQUIRE(torch::equal(x, copy));
  }
}

TEST_CASE("an optimiser refuses states of other parameters, negative rates and parameters twice") {
  auto x = leaf(1);
  Optimizer optimizer({{"a", {{"x", x}}, 0.1}});
  step(optimizer, x, 1);
  auto wider = torch::zeros({3}, torch::kFloat64).requires_grad_();
  Optimizer other({{"a", {{"x", wider}}, 0.1}}), unrelated({{"a", {{"z", wider}}, 0.1}});
  CHECK_THROWS_AS(other.restore(optimizer.state()), diva::Error);
  CHECK_THROWS_AS(unrelated.restore(optimizer.state()), diva::DataError);
  CHECK_THROWS_AS(Optimizer({{"a", {{"x", x}}, -1}}), diva::OptionError);
  CHECK_THROWS_AS(Optimizer({{"a", {{"x", x}}, 1}, {"b", {{"x", wider}}, 1}}), diva::OptionError);
}

TEST_CASE("each group's rate is its own times its own schedule's factor") {
  auto x = leaf(1), y = leaf(1);
  Optimizer optimizer({{"a", {{"x", x}}, 0.5, 0, {.milestones = {1}, .gamma = 0.1}},
                       {"b", {{"y", y}}, 0.5, 0, {.kind = diva::ScheduleKind::constant}}});
  for (int i = 0; i < 2; ++i) optimizer.schedule({.step = 7, .steps_per_epoch = 5});
  CHECK(optimizer.learning_rate() == 0.05);
  (x + y).sum().backward();
  optimizer.step();
  CHECK(std::abs(x[0].item<double>() - 0.95) < 1e-8);
  CHECK(std::abs(y[0].item<double>() - 0.5) < 1e-8);
}

TEST_CASE("AdamW takes the decay off the weight itself, SGD gathers momentum") {
  auto x = leaf(1), y = leaf(1);
  Optimizer adamw({{"a", {{"x", x}}, 0.1, 0.5}}, {.kind = diva::OptimizerKind::adamw});
  step(adamw, x, 3);
  CHECK(std::abs(x[0].item<double>() - (1 * (1 - 0.1 * 0.5) - 0.1)) < 1e-8);
  Optimizer sgd({{"a", {{"y", y}}, 0.1}}, {.kind = diva::OptimizerKind::sgd, .momentum = 0.5});
  step(sgd, y, 2);  // velocity 2
  CHECK(std::abs(y[0].item<double>() - 0.8) < 1e-12);
  step(sgd, y, 1);  // velocity 0.5·2 + 1 = 2
  CHECK(std::abs(y[0].item<double>() - 0.6) < 1e-12);
}

TEST_CASE("gradients are clipped by value, then by their norm over all groups") {
  auto x = leaf(0), y = leaf(0);
  Optimizer optimizer({{"a", {{"x", x}}, 1}, {"b", {{"y", y}}, 1}},
                      {.kind = diva::OptimizerKind::sgd, .momentum = 0, .clip_norm = 5, .clip_value = 8});
  (x * 6 + y * 20).sum().backward();  // 6 6 8 8: of length √200
  optimizer.step();
  CHECK(std::abs(x[0].item<double>() + 6 * 5 / std::sqrt(200.0)) < 1e-5);
  CHECK(std::abs(y[0].item<double>() + 8 * 5 / std::sqrt(200.0)) < 1e-5);
}

TEST_CASE("each kind of optimiser restores exactly, and refuses the state of another kind") {
  using diva::OptimizerKind;
  for (const auto kind : {OptimizerKind::adam, OptimizerKind::adamw, OptimizerKind::sgd}) {
    INFO(to_string(kind));
    auto x = leaf(1);
    const diva::OptimizerOptions options{.kind = kind};
    Optimizer optimizer({{"a", {{"x", x}}, 0.1, 0.01}}, options);
    for (int i = 0; i < 3; ++i) step(optimizer, x, i - 1.5);
    auto copy = x.detach().clone().requires_grad_();
    Optimizer resumed({{"a", {{"x", copy}}, 0.1, 0.01}}, options);
    resumed.restore(optimizer.state());
    for (int i = 0; i < 3; ++i) {
      step(optimizer, x, 0.3 * i);
      step(resumed, copy, 0.3 * i);
      REQUIRE(torch::equal(x, copy));
    }
    Optimizer other({{"a", {{"x", copy}}, 0.1}}, {.kind = kind == OptimizerKind::sgd ? OptimizerKind::adam : OptimizerKind::sgd});
    CHECK_THROWS_AS(other.restore(optimizer.state()), diva::DataError);
  }
}

TEST_CASE("groups take the general schedule but for what the JSON says of them, and unknown ones are named") {
  auto x = leaf(1);
  std::vector<diva::ParameterGroup> groups = {{"network", {{"x", x}}, 0.5, 0.1}, {"loss.discriminative", {}, 0.25}};
  diva::OptimizerOptions options{.schedule = {.milestones = {7}, .gamma = 0.5},
                                 .groups = R"({"loss.discriminative": {"learning_rate": 2, "schedule": {"kind": "cosine"}}})"};
  apply_group_options(options, groups);
  CHECK(groups[0].learning_rate == 0.5);
  CHECK(groups[0].weight_decay == 0.1);
  CHECK(groups[0].schedule.milestones == std::vector<std::int64_t>{7});
  CHECK(groups[1].learning_rate == 2);
  CHECK(groups[1].schedule.kind == diva::ScheduleKind::cosine);
  CHECK(groups[1].schedule.gamma == 0.5);
  options.groups = R"({"netwerk": {}})";
  CHECK_THROWS_WITH(apply_group_options(options, groups), Catch::Matchers::Contains("did you mean 'network'"));
  options.groups = R"({"network": {"rate": 1}})";
  CHECK_THROWS_AS(apply_group_options(options, groups), diva::OptionError);
  CHECK_THROWS_AS(Optimizer({}, {.clip_norm = -1}), diva::OptionError);
  CHECK_THROWS_AS(Optimizer({}, {.kind = diva::OptimizerKind::sgd, .momentum = 0, .nesterov = true}), diva::OptionError);
}

TEST_CASE("an optimiser that is moved goes on with its moments and its parameters") {
  auto x = leaf(1), y = leaf(1), z = leaf(1);
  Optimizer first({{"a", {{"x", x}}, 0.1}}), kept({{"a", {{"y", y}}, 0.1}}), target({{"a", {{"z", z}}, 0.1}});
  for (int i = 0; i < 3; ++i) {
    step(first, x, i - 1.5);
    step(kept, y, i - 1.5);
  }
  Optimizer moved = std::move(first);
  target = std::move(moved);
  step(target, x, 0.3);
  step(kept, y, 0.3);
  CHECK(torch::equal(x, y));
  CHECK(z[0].item<double>() == 1);
}
