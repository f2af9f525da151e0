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

TEST_CASE("the schedule multiplies at each milestone, rates scale from their first value") {
  CHECK(diva::multi_step_factor({}, 0.1, 5) == 1);
  CHECK(diva::multi_step_factor({3, 5}, 0.1, 2) == 1);
  CHECK(diva::multi_step_factor({3, 5}, 0.1, 3) == 0.1);
  CHECK(std::abs(diva::multi_step_factor({3, 5}, 0.1, 9) - 0.01) < 1e-15);
  auto x = leaf(1);
  Optimizer optimizer({{"a", {{"x", x}}, 0.5}});
  optimizer.scale_learning_rates(0.1);
  optimizer.scale_learning_rates(0.1);
  CHECK(optimizer.learning_rate() == 0.05);
}
