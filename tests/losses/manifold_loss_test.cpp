#include "support/catch.hpp"
#include "support/finite_differences.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/manifold_loss.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;
using diva::Generator;
using diva::ManifoldLoss;
using diva::MetaClasses;

namespace {

torch::Tensor classes(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }

void set_proxies(diva::Loss& loss, const torch::Tensor& proxies) {
  loss.to(torch::kFloat64);
  auto state = loss.state();
  state.put("proxies", proxies);
  loss.restore(state);
}

}  // namespace

TEST_CASE("manifold worked by hand") {
  // One sample and proxies p, q at right angles, the sample half way: S = e^√2 =: t between it and each, 1 between p and q.
  // By symmetry both proxies are equally near, so v = m: L = log(1 + e^m) for each of the two terms.
  const double root = std::sqrt(0.5);
  const auto x = torch::tensor({{root, root}}, torch::kFloat64);
  ManifoldLoss loss({.proxies = 2, .meta_classes = MetaClasses::labels, .intrinsic_weight = 2, .context_weight = 3, .margin = 0.25},
                    2, Generator(0));
  set_proxies(loss, torch::eye(2, torch::kFloat64));
  CHECK_THAT(loss.forward(x, classes({0})).item<double>(), WithinAbs(5 * std::log(1 + std::exp(0.25)), 1e-12));
}

TEST_CASE("manifold is zero where each sample is nearer to its own proxy by the margin") {
  const auto x = torch::tensor({{1.0, 0.1}, {0.1, 1.0}}, torch::kFloat64);
  ManifoldLoss loss({.proxies = 2, .meta_classes = MetaClasses::labels}, 2, Generator(0));
  set_proxies(loss, torch::eye(2, torch::kFloat64));
  CHECK(loss.forward(x, classes({0, 1})).item<double>() == 0);
  CHECK(loss.forward(x, classes({1, 0})).item<double>() > 2 * std::log(2));
}

TEST_CASE("manifold has the gradient of its value in embeddings and proxies") {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    auto x = Generator(seed).normal({7, 4}, torch::kFloat64).requires_grad_();
    ManifoldLoss loss({.proxies = 3, .meta_classes = MetaClasses::labels}, 4, Generator(seed + 100));
    loss.to(torch::kFloat64);
    const auto value = [&] { return loss.forward(x, classes({0, 1, 2, 0, 1, 2, 2})); };
    CHECK(gradient_error(value, x) < 1e-6);
    CHECK(gradient_error(value, loss.parameters()[0]) < 1e-6);
  }
}

TEST_CASE("manifold draws from its generator, which its state restores") {
  const auto x = Generator(1).normal({9, 4}, torch::kFloat64);
  const auto make = [](std::uint64_t seed) { return ManifoldLoss({.proxies = 5}, 4, Generator(seed)); };
  auto one = make(1), same = make(1), other = make(2);
  const double first = one.forward(x, {}).item<double>();
  CHECK(same.forward(x, {}).item<double>() == first);
  CHECK(other.forward(x, {}).item<double>() != first);
  other.restore(one.state());
  bool changed = false;
  for (int call = 0; call < 5; ++call) {
    const double next = one.forward(x, {}).item<double>();
    CHECK(other.forward(x, {}).item<double>() == next);
    changed = changed || next != first;
  }
  CHECK(changed);
}

TEST_CASE("manifold of few, equal, NaN and no samples") {
  ManifoldLoss loss({.proxies = 5}, 3, Generator(1));
  loss.to(torch::kFloat64);
  CHECK(loss.forward(torch::empty({0, 3}, torch::kFloat64), {}).item<double>() == 0);
  for (const double fill : {0.0, 1.0}) {
    auto x = torch::full({4, 3}, fill, torch::kFloat64).requires_grad_();  // fewer than proxies
    const auto value = loss.forward(x, {});
    value.backward();
    CHECK(value.isfinite().item<bool>());
    CHECK(x.grad().isfinite().all().item<bool>());
  }
  CHECK(loss.forward(torch::full({4, 3}, NAN, torch::kFloat64), {}).isnan().item<bool>());
}

TEST_CASE("manifold refuses tuples, a reference, other dimensions and labels out of range") {
  const auto x = torch::ones({2, 3});
  const auto none = torch::empty({0}, torch::kInt64);
  ManifoldLoss loss({.proxies = 2, .meta_classes = MetaClasses::labels}, 3, Generator(1));
  CHECK_THROWS_AS(loss.forward(x, classes({0, 1}), diva::Triplets{none, none, none}), diva::OptionError);
  CHECK_THROWS_AS(loss.forward(x, classes({0, 1}), {}, diva::Reference{x, classes({0, 1})}), diva::OptionError);
  CHECK_THROWS_AS(loss.forward(torch::ones({2, 4}), classes({0, 1})), diva::ShapeError);
  CHECK_THROWS_AS(loss.forward(x, classes({0, 2})), diva::DataError);
  CHECK_THROWS_AS(loss.forward(x, {}), diva::ShapeError);
  CHECK_THROWS_AS(ManifoldLoss({.alpha = 1}, 3, Generator(1)), diva::OptionError);
  auto state = loss.state();
  state.tensors.erase("generator");
  CHECK_THROWS_AS(loss.restore(state), diva::DataError);
}
