#include "support/catch.hpp"

#include <torch/autograd.h>
#include <diva/core/error.hpp>
#include <diva/losses/lifted_loss.hpp>
#include <diva/losses/pairwise.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;

namespace {

// On a line: distances 0–1 1, 0–2 3, 1–2 2, and a singleton's class.
const auto x = torch::tensor({{0.0}, {1.0}, {3.0}}, torch::kFloat64);
const auto labels = torch::tensor({0, 0, 1}, torch::kInt64);

double value(const diva::LiftedLossOptions& options) { return diva::LiftedLoss(options).forward(x, labels).item<double>(); }

}  // namespace

TEST_CASE("lifted loss, generalized, worked by hand") {
  // m 3: anchor 0: 1 + (3 − 3) = 1; anchor 1: 1 + (3 − 2) = 2; anchor 2 has no positive. Mean length 4/3.
  CHECK_THAT(value({.negative_margin = 3, .norm_penalty = 0}), WithinAbs(1.5, 1e-12));
  CHECK_THAT(value({.negative_margin = 3, .positive_margin = 0.5, .norm_penalty = 0.3}), WithinAbs(1 + 0.4, 1e-12));
  // As PML anchor 2 counts with log(e⁰ + e¹) alone.
  CHECK_THAT(value({.negative_margin = 3, .norm_penalty = 0, .variant = diva::Variant::pml}),
             WithinAbs((3 + std::log(1 + std::exp(1.0))) / 3, 1e-12));
}

TEST_CASE("lifted loss, structured, worked by hand") {
  // m 3: both (0,1) and (1,0): log(e⁰ + e¹) + 1, squared, halved.
  const double pair = std::log(1 + std::exp(1.0)) + 1;
  CHECK_THAT(value({.form = diva::LiftedForm::structured, .negative_margin = 3, .norm_penalty = 0}),
             WithinAbs(pair * pair / 2, 1e-12));
  diva::LiftedLoss loss({.form = diva::LiftedForm::structured});
  CHECK_THROWS_AS(loss.forward(x, labels, {}, diva::Reference{x, labels}), diva::OptionError);
}

TEST_CASE("row values are the same in one block and in many") {
  const auto leaf = torch::arange(15, torch::kFloat64).view({5, 3}).sin().requires_grad_();
  const diva::Comparison comparison = {.embeddings = leaf, .labels = torch::tensor({0, 1, 0, 1, 2}, torch::kInt64)};
  const auto run = [&](std::int64_t at_once) {
    const auto rows = diva::detail::row_values(
        comparison, {}, {},
        [](const diva::PairBlock& block) { return block.values.masked_fill(~block.negative, 0).square().sum(1); }, at_once);
    return std::pair{rows.detach(), torch::autograd::grad({(rows * torch::arange(5)).sum()}, {leaf})[0]};
  };
  const auto whole = run(100), blocks = run(10);
  CHECK((whole.first - blocks.first).abs().max().item<double>() < 1e-12);
  CHECK((whole.second - blocks.second).abs().max().item<double>() < 1e-12);
}

TEST_CASE("lifted loss refuses a negative penalty") { CHECK_THROWS_AS(diva::LiftedLoss({.norm_penalty = -1}), diva::OptionError); }
