#include "support/catch.hpp"
#include "support/finite_differences.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/losses/dynamic_soft_margin_loss.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;
using diva::Variant;

namespace {

// Points of a line: distances are differences.
torch::Tensor line(std::vector<double> places) { return torch::tensor(places, torch::kFloat64).unsqueeze(1); }

torch::Tensor ids(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }

const diva::DynamicSoftMarginLossOptions four_bins{.minimum = -2, .bins = 4, .distance = {}};  // of width 1 from −2

torch::Tensor histogram(const diva::Loss& loss) { return loss.named_buffers()[0].tensor; }

}  // namespace

TEST_CASE("dynamic_soft_margin worked by hand") {
  // Triplets (0; 1, 1.5) with v = −0.5 and (0; 1.5, 0.25) with v = 1.25; bins from −2, −1, 0, 1.
  // −0.5 lies half way from bin 1 to bin 2; 1.25 a quarter from bin 3 to the end, whose share stays there.
  // Histogram (0, ½, ½, 1)/2, cumulative (0, ¼, ½, 1): L = (¼ · −0.5 + 1 · 1.25) / 2.
  const auto x = line({0, 1, 1.5, 0.25});
  const diva::Triplets triplets{ids({0, 0}), ids({1, 2}), ids({2, 3})};
  auto leaf = x.clone().requires_grad_();
  diva::DynamicSoftMarginLoss loss(four_bins);
  const auto value = loss.forward(leaf, ids({0, 0, 0, 1}), triplets);
  CHECK_THAT(value.item<double>(), WithinAbs((-0.125 + 1.25) / 2, 1e-12));
  CHECK(torch::allclose(histogram(loss), torch::tensor({0.0, 0.25, 0.25, 0.5}, torch::kFloat32)));
  // Weights are constants: (¼ (D_01 − D_02) + 1 (D_02 − D_03)) / 2, so 1 pulls by 1/8, 1.5 by −1/8 + ½, 0.25 by −½.
  value.backward();
  CHECK(torch::allclose(leaf.grad(), line({0 - 0.125 - 0.375 + 0.5, 0.125, 0.375, -0.5})));
}

TEST_CASE("dynamic_soft_margin keeps a running mean of distributions") {
  diva::DynamicSoftMarginLossOptions options = four_bins;
  options.momentum = 0.25;
  diva::DynamicSoftMarginLoss loss(options);
  const auto labels = ids({0, 0, 1});
  const diva::Triplets one{ids({0}), ids({1}), ids({2})};
  loss.forward(line({0, 1, 2}), labels, one);  // v = −1: all in bin 1
  CHECK(torch::allclose(histogram(loss), torch::tensor({0.0, 1.0, 0.0, 0.0}, torch::kFloat32)));
  const auto value = loss.forward(line({0, 1, 1}), labels, one);  // v = 0: bin 2
  CHECK(torch::allclose(histogram(loss), torch::tensor({0.0, 0.75, 0.25, 0.0}, torch::kFloat32)));
  CHECK(value.item<double>() == 0);
  // Nothing and NaN leave it as it is; NaN passes on.
  loss.forward(line({0, 1, 1}), labels, diva::Triplets{ids({}), ids({}), ids({})});
  CHECK(loss.forward(line({NAN, 1, 1}), labels, one).isnan().item<bool>());
  CHECK(histogram(loss).isfinite().all().item<bool>());
  // PML: the batch weighs momentum times its three triplets against 1 − momentum: (0.75·1 + 0.25·3·…) / (0.75 + 0.75).
  options.variant = Variant::pml;
  diva::DynamicSoftMarginLoss pml(options);
  pml.forward(line({0, 1, 2}), labels, one);
  pml.forward(line({0, 1, 1}), labels, diva::Triplets{ids({0, 0, 0}), ids({1, 1, 1}), ids({2, 2, 2})});
  CHECK(torch::allclose(histogram(pml), torch::tensor({0.0, 0.5, 0.5, 0.0}, torch::kFloat32)));
}

TEST_CASE("dynamic_soft_margin of all triplets is that of the same triplets as a list, gradient too") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    diva::Generator generator(seed);
    const auto rows = generator.normal({12, 4}, torch::kFloat64);
    const auto labels = (generator.uniform({12}, torch::kFloat64) * 4).floor().to(torch::kInt64);
    for (const auto variant : {Variant::fixed, Variant::pml}) {
      std::vector<torch::Tensor> values, gradients, histograms;
      for (const auto& tuples : {diva::Tuples{}, diva::Tuples{diva::all_triplets(labels)}}) {
        diva::DynamicSoftMarginLoss loss({.variant = variant});
        loss.forward(rows.flip(0), labels);  // a past
        auto x = rows.clone().requires_grad_();
        values.push_back(loss.forward(x, labels, tuples));
        values.back().backward();
        gradients.push_back(x.grad());
        histograms.push_back(histogram(loss));
      }
      CHECK(torch::allclose(values[0], values[1], 1e-12, 1e-14));
      CHECK(torch::allclose(gradients[0], gradients[1], 1e-10, 1e-14));
      CHECK(torch::allclose(histograms[0], histograms[1]));
    }
  }
}

TEST_CASE("dynamic_soft_margin has the gradient of a weighted sum, its weights being constants") {
  diva::Generator generator(5);
  auto x = generator.normal({6, 3}, torch::kFloat64).requires_grad_();
  const auto labels = ids({0, 0, 1, 1, 2, 2});
  diva::DynamicSoftMarginLoss loss(diva::DynamicSoftMarginLossOptions{});
  loss.forward(x, labels).backward();
  const auto gradient = x.grad().clone();
  const auto cumulative = histogram(loss).to(torch::kFloat64).cumsum(0);
  const auto [a, p, n] = diva::all_triplets(labels);
  const auto violations = [&, a = a, p = p, n = n] {
    const auto unit = x / x.norm(2, 1, true);
    const auto far = [&](const torch::Tensor& i, const torch::Tensor& j) {
      return (unit.index_select(0, i) - unit.index_select(0, j)).norm(2, 1);
    };
    return far(a, p) - far(a, n);
  };
  const auto weights = cumulative.index_select(0, ((violations().detach() + 2) / 0.4).floor().to(torch::kInt64));
  CHECK(gradient_error([&] { return (weights * violations()).mean(); }, x) < 1e-6);
  (weights * violations()).mean().backward();
  CHECK(torch::allclose(x.grad(), gradient, 1e-5, 1e-7));
}

TEST_CASE("dynamic_soft_margin restores its histogram, and refuses pairs and bad options") {
  const auto x = line({0, 1, 1.5, 0.25});
  const auto labels = ids({0, 0, 1, 1});
  diva::DynamicSoftMarginLoss source(four_bins), target(four_bins);
  source.forward(x, labels);
  target.restore(source.state());
  CHECK(target.forward(x * 0.7, labels).item<double>() == source.forward(x * 0.7, labels).item<double>());
  CHECK_THROWS_AS(source.forward(x, labels, diva::all_pairs(labels)), diva::OptionError);
  CHECK_THROWS_AS(diva::DynamicSoftMarginLoss({.minimum = 0}), diva::OptionError);
  CHECK_THROWS_AS(diva::DynamicSoftMarginLoss({.bins = 1}), diva::OptionError);
  CHECK_THROWS_AS(diva::DynamicSoftMarginLoss({.momentum = 0}), diva::OptionError);
}

TEST_CASE("dynamic_soft_margin of all triplets in several blocks is that of the list") {
  const std::int64_t count = 2100;  // 2100² pairs are more than fit at once
  const auto rows = diva::Generator(6).normal({count, 3}, torch::kFloat64);
  const auto labels = torch::arange(count, torch::kInt64).remainder(1050);
  std::vector<torch::Tensor> values, gradients;
  for (const auto& tuples : {diva::Tuples{}, diva::Tuples{diva::all_triplets(labels)}}) {
    auto x = rows.clone().requires_grad_();
    values.push_back(diva::DynamicSoftMarginLoss().forward(x, labels, tuples));
    values.back().backward();
    gradients.push_back(x.grad());
  }
  CHECK(torch::allclose(values[0], values[1], 1e-10, 1e-12));
  CHECK((gradients[0] - gradients[1]).abs().max().item<double>() < 1e-8 * gradients[1].abs().max().item<double>());
}
