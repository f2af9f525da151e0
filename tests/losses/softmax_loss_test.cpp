#include "support/catch.hpp"
#include "support/proxies.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/softmax_loss.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;
using diva::SoftmaxLoss;
using diva::SoftmaxLossOptions;

namespace {

const auto rows = torch::tensor({{2.0, 0.0}, {0.0, 3.0}}, torch::kFloat64);  // directions e1, e2
const auto x = torch::tensor({{1.0, 0.0}, {3.0, 4.0}}, torch::kFloat64);
const auto labels = indices({0, 0});

double value(const SoftmaxLossOptions& options) {
  return with_proxies<SoftmaxLoss>(options, rows).forward(x, labels).item<double>();
}

}  // namespace

TEST_CASE("softmax worked by hand") {
  // Logits 1/T, 0 and 3/T, 4/T with T = 0.5.
  const double first = std::log(1 + std::exp(-2.0));
  CHECK_THAT(value({.temperature = 0.5}), WithinAbs((first + std::log(1 + std::exp(2.0))) / 2, 1e-12));
  // Normalised: 0.6/T, 0.8/T.
  CHECK_THAT(value({.temperature = 0.5, .normalize_embeddings = true}),
             WithinAbs((first + std::log(1 + std::exp(0.4))) / 2, 1e-12));
  // By class weights: class 0 counts twice.
  CHECK_THAT(value({.temperature = 0.5, .reducer = {.kind = diva::Reduction::class_weighted, .class_weights = {2, 1}}}),
             WithinAbs(first + std::log(1 + std::exp(2.0)), 1e-12));
}

TEST_CASE("softmax of embeddings of zeros is log C, of one class 0") {
  auto loss = with_proxies<SoftmaxLoss>(SoftmaxLossOptions{}, rows);
  CHECK_THAT(loss.forward(x * 0, labels).item<double>(), WithinAbs(std::log(2.0), 1e-12));
  auto one = with_proxies<SoftmaxLoss>(SoftmaxLossOptions{}, rows.narrow(0, 0, 1));
  CHECK(one.forward(x, labels).item<double>() == 0);
}

TEST_CASE("softmax has the learning rate of the seed and refuses a temperature of 0") {
  diva::Generator generator(1);
  CHECK(SoftmaxLoss({}, 2, 2, generator).learning_rate() == 1e-5);
  CHECK_THROWS_AS(SoftmaxLoss({.temperature = 0}, 2, 2, generator), diva::OptionError);
}
