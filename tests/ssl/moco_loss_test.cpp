#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/ssl/moco_loss.hpp>

#include <cmath>

TEST_CASE("moco loss of one query and two negatives worked by hand") {
  // q·k = 0.8, q·n = 0 and −1, τ 0.5: −log(e^1.6 / (e^1.6 + 1 + e^−2)).
  const auto q = torch::tensor({{1.0, 0.0}}, torch::kFloat64), k = torch::tensor({{0.8, 0.6}}, torch::kFloat64);
  const auto queue = torch::tensor({{0.0, 1.0}, {-1.0, 0.0}}, torch::kFloat64);
  const double expected = -std::log(std::exp(1.6) / (std::exp(1.6) + 1 + std::exp(-2.0)));
  CHECK(std::abs(diva::MocoLoss({.temperature = 0.5}).forward(q, k, queue).item<double>() - expected) < 1e-12);
}

TEST_CASE("moco loss refuses a temperature of zero") { CHECK_THROWS_AS(diva::MocoLoss({.temperature = 0}), diva::OptionError); }
