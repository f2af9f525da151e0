#include "support/catch.hpp"
#include "support/finite_differences.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/losses/histogram_loss.hpp>
#include <diva/losses/soft_rank.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;
using diva::Variant;

namespace {

torch::Tensor at_angles(std::vector<double> degrees) {
  const auto angles = torch::tensor(degrees, torch::kFloat64) * (M_PI / 180);
  return torch::stack({angles.cos(), angles.sin()}, 1);
}

torch::Tensor classes(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }

}  // namespace

TEST_CASE("histogram worked by hand") {
  // Nodes −1, 0, 1. Positive pair 0°, 60°: s = ½, h⁺ = (0, ½, ½), cumulative (0, ½, 1).
  // Negatives 0°–90° s = 0 and 60°–90° s = √3/2: h⁻ = (0, 1 + 1 − √3/2, √3/2) / 2.
  const double root = std::sqrt(3.0) / 2;
  diva::HistogramLoss loss({.nodes = 3});
  CHECK_THAT(loss.forward(at_angles({0, 60, 90}), classes({0, 0, 1})).item<double>(),
             WithinAbs(0.5 * (2 - root) / 2 + root / 2, 1e-12));
}

TEST_CASE("histogram of equal embeddings is one, and of separated classes zero") {
  diva::HistogramLoss loss;
  CHECK_THAT(loss.forward(at_angles({9, 9, 9, 9}), classes({0, 0, 1, 1})).item<double>(), WithinAbs(1, 1e-12));
  CHECK_THAT(loss.forward(at_angles({0, 1, 180, 181}), classes({0, 0, 1, 1})).item<double>(), WithinAbs(0, 1e-12));
  CHECK(loss.forward(at_angles({0, 1, 2}), classes({0, 0, 0})).item<double>() == 0);  // no negative
}

TEST_CASE("histogram of PML leaves out negatives of two lone samples") {
  // As by hand above with lone samples of classes 1 and 2 at 90° and −90°: s = −1 between them, node −1, where the cumulative is 0.
  // All negatives: s = 0, √3/2 to the first, 0, −√3/2 to the second, −1: 5 pairs; PML: 4.
  const double root = std::sqrt(3.0) / 2;
  const auto x = at_angles({0, 60, 90, -90});
  const auto labels = classes({0, 0, 1, 2});
  const double sum = 0.5 * (1 + (1 - root) + 1 + (1 - root)) + root;
  CHECK_THAT(diva::HistogramLoss({.nodes = 3}).forward(x, labels).item<double>(), WithinAbs(sum / 5, 1e-12));
  CHECK_THAT(diva::HistogramLoss({.nodes = 3, .variant = Variant::pml}).forward(x, labels).item<double>(),
             WithinAbs(sum / 4, 1e-12));
}

TEST_CASE("histogram of listed pairs counts each once and both ways round") {
  diva::Generator generator(2);
  const auto x = generator.normal({9, 4}, torch::kFloat64);
  const auto labels = classes({0, 0, 0, 1, 1, 2, 2, 2, 2});
  for (const auto variant : {Variant::fixed, Variant::pml, Variant::repo}) {
    diva::HistogramLoss loss({.nodes = 11, .variant = variant});
    const double all = loss.forward(x, labels).item<double>();
    CHECK_THAT(loss.forward(x, labels, diva::all_triplets(labels)).item<double>(), WithinAbs(all, 1e-12));
    // Every unordered pair once.
    const auto upper = torch::triu_indices(9, 9, 1, torch::kInt64);
    const auto same = labels.index_select(0, upper[0]) == labels.index_select(0, upper[1]);
    const diva::Pairs pairs{upper[0].masked_select(same), upper[1].masked_select(same), upper[0].masked_select(~same),
                            upper[1].masked_select(~same)};
    CHECK_THAT(loss.forward(x, labels, pairs).item<double>(), WithinAbs(all, 1e-12));
  }
}

TEST_CASE("histogram weighs pairs by a relation and compares with a reference") {
  // Nodes −1, 0, 1; anchor 0°; positive at 60° (h⁺ = (0, ½, ½)); negatives at 0° with weight 3 (node 1) and at 180° with weight 1
  // (node −1): h⁻ = (¼, 0, ¾). L = ¾.
  const diva::Relation relation{torch::tensor({{1.0, 0.0, 0.0}}, torch::kFloat64),
                                torch::tensor({{0.0, 3.0, 1.0}}, torch::kFloat64)};
  const auto value =
      diva::HistogramLoss({.nodes = 3}).forward(at_angles({0}), {}, relation, diva::Reference{at_angles({60, 0, 180})});
  CHECK_THAT(value.item<double>(), WithinAbs(0.75, 1e-12));
}

TEST_CASE("histogram has the gradient of its value in the seed's variant too") {
  diva::Generator generator(3);
  auto x = generator.normal({8, 3}, torch::kFloat64).requires_grad_();
  const auto labels = classes({0, 0, 0, 1, 1, 2, 2, 3});
  for (const auto variant : {Variant::repo, Variant::pml}) {
    diva::HistogramLoss loss({.nodes = 8, .variant = variant});
    CHECK(gradient_error([&] { return loss.forward(x, labels); }, x) < 1e-6);
  }
  CHECK_THROWS_AS(diva::HistogramLoss({.nodes = 1}), diva::OptionError);
  CHECK_THROWS_AS(diva::HistogramLoss({.distance = {.kind = diva::Distance::euclidean}}), diva::OptionError);
}

TEST_CASE("histogram in several blocks is the formula over the whole matrix, gradient too") {
  const std::int64_t count = 2100;  // 2100² pairs are more than fit at once
  diva::Generator generator(4);
  auto x = generator.normal({count, 3}, torch::kFloat64).requires_grad_();
  const auto labels = torch::arange(count, torch::kInt64).remainder(700);
  const auto value = diva::HistogramLoss({.nodes = 21}).forward(x, labels);
  value.backward();
  const auto gradient = x.grad().clone();
  x.mutable_grad() = torch::Tensor();

  const auto unit = x / x.norm(2, 1, true);
  const auto same = labels.unsqueeze(1) == labels.unsqueeze(0);
  const auto itself = torch::eye(count, torch::kInt64) != 0;
  const auto density = [&](const torch::Tensor& mask) {
    return diva::soft_histogram(unit.mm(unit.t()), mask, -1, 0.1, 21).sum(0) / mask.sum();
  };
  const auto expected = (density(~same) * density(same & ~itself).cumsum(0)).sum();
  expected.backward();
  CHECK_THAT(value.item<double>(), WithinAbs(expected.item<double>(), 1e-12));
  CHECK((gradient - x.grad()).abs().max().item<double>() < 1e-10 * gradient.abs().max().item<double>());
}
