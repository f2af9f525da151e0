#include "support/catch.hpp"
#include "support/finite_differences.hpp"

#include <torch/autograd.h>
#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/ssl/invariant_spread_loss.hpp>

#include <cmath>

using diva::InvariantSpreadLoss;

namespace {

torch::Tensor unit_rows(diva::Generator& generator, std::int64_t rows, std::int64_t dim = 6) {
  const auto x = generator.normal({rows, dim}, torch::kFloat64);
  return x / x.norm(2, 1, true);
}

}  // namespace

TEST_CASE("invariant spread of two samples worked by hand") {
  // Views equal, samples at right angles, τ = 1: similarities 1 to the other view and 0 to both of the other sample.
  //   P_ii' = e / (e + 2), P_ij = 1 / (e + 2) twice: L = −log P_ii' − 2 log(1 − P_ij).
  const auto views = torch::eye(2, torch::kFloat64);
  const double e = std::exp(1.0), expected = -std::log(e / (e + 2)) - 2 * std::log(1 - 1 / (e + 2));
  CHECK(std::abs(InvariantSpreadLoss({.temperature = 1}).forward(views, views).item<double>() - expected) < 1e-12);
}

TEST_CASE("invariant spread agrees with a loop") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    diva::Generator generator(seed);
    const auto batch = 2 + generator.below(5);
    const auto x = unit_rows(generator, 2 * batch);
    const auto s = (x.mm(x.t()) / 0.3).exp();
    double loss = 0;
    for (std::int64_t i = 0; i < 2 * batch; ++i) {
      const auto other = (i + batch) % (2 * batch);
      const double total = (s[i].sum() - s[i][i]).item<double>();
      for (std::int64_t j = 0; j < 2 * batch; ++j) {
        const double p = s[i][j].item<double>() / total;
        if (j == other) loss -= std::log(p);
        if (j != i && j != other) loss -= std::log(1 - p);
      }
    }
    const auto views = x.chunk(2);
    CHECK(std::abs(InvariantSpreadLoss({.temperature = 0.3}).forward(views[0], views[1]).item<double>() -
                   loss / static_cast<double>(2 * batch)) < 1e-10);
  }
}

TEST_CASE("invariant spread's gradient is that of its value; the authors' code holds one factor constant") {
  diva::Generator generator(3);
  auto first = unit_rows(generator, 4).requires_grad_(), second = unit_rows(generator, 4).requires_grad_();
  const InvariantSpreadLoss loss, repo({.variant = diva::Variant::repo});
  CHECK(gradient_error([&] { return loss.forward(first, second); }, first) < 1e-6);
  CHECK(gradient_error([&] { return loss.forward(first, second); }, second) < 1e-6);
  CHECK(loss.forward(first, second).item<double>() == repo.forward(first, second).item<double>());
  const auto whole = torch::autograd::grad({loss.forward(first, second)}, {first})[0];
  CHECK(!torch::allclose(torch::autograd::grad({repo.forward(first, second)}, {first})[0], whole));
}

TEST_CASE("invariant spread is finite where chances round to one, and zero where there is nothing to spread") {
  for (const auto type : {torch::kFloat32, torch::kFloat64}) {
    const auto e0 = torch::eye(3, 6, type);
    for (const double temperature : {0.1, 0.001}) {
      // Each sample's nearest is another sample, not its own second view, which lies opposite.
      for (const auto& rows : {e0.narrow(0, 0, 1).expand({3, 6}), e0, e0 * 0}) {
        for (const double sign : {1.0, -1.0}) {
          auto first = rows.clone().requires_grad_(), second = (rows * sign).clone().requires_grad_();
          const auto value = InvariantSpreadLoss({.temperature = temperature}).forward(first, second);
          value.backward();
          CHECK(value.isfinite().item<bool>());
          CHECK(first.grad().isfinite().all().item<bool>());
          CHECK(second.grad().isfinite().all().item<bool>());
        }
      }
    }
    for (const std::int64_t batch : {0, 1}) {
      auto x = e0.narrow(0, 0, batch).clone().requires_grad_();
      const auto value = InvariantSpreadLoss().forward(x, x);
      value.backward();
      CHECK(value.item<double>() == 0);
      CHECK(x.grad().abs().sum().item<double>() == 0);
    }
  }
  diva::Generator generator(1);
  const auto x = unit_rows(generator, 3);
  CHECK(InvariantSpreadLoss().forward(x * NAN, x).isnan().item<bool>());
  CHECK(InvariantSpreadLoss().forward(x.to(torch::kHalf), x.to(torch::kHalf)).scalar_type() == torch::kFloat32);
}

TEST_CASE("invariant spread refuses bad arguments") {
  CHECK_THROWS_AS(InvariantSpreadLoss({.temperature = 0}), diva::OptionError);
  CHECK_THROWS_AS(InvariantSpreadLoss().forward(torch::ones({2, 3}), torch::ones({3, 3})), diva::ShapeError);
}
