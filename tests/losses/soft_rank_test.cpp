#include "support/catch.hpp"
#include "support/finite_differences.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/losses/soft_rank.hpp>

#include <cmath>

namespace {

torch::Tensor ids(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

TEST_CASE("soft_counts worked by hand") {
  // One row 0.1, 0.5, 0.3, τ = 0.1, the pair (0, 2): σ(−2) + σ(2) = 1, of which the second reference alone gives σ(2).
  const auto s = torch::tensor({{0.1, 0.5, 0.3}}, torch::kFloat64);
  const auto all = torch::ones({1, 3}, torch::kBool), second = torch::tensor({{false, true, false}});
  const auto counts = diva::soft_counts(s, ids({0}), ids({2}), {all, second, torch::tensor({{2.0, 0.5, 9.0}})}, 0.1);
  CHECK(std::abs(counts[0][0].item<double>() - 1) < 1e-12);
  CHECK(std::abs(counts[1][0].item<double>() - sigmoid(2)) < 1e-12);
  CHECK(std::abs(counts[2][0].item<double>() - (2 * sigmoid(-2) + 0.5 * sigmoid(2))) < 1e-12);
}

TEST_CASE("soft_counts agree with loops over rows, also where they are computed in several chunks") {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    diva::Generator generator(seed);
    const std::int64_t rows = 3, references = seed == 0 ? 300000 : 7;  // 300,000: three pairs at a time
    const auto s = generator.normal({rows, references}, torch::kFloat64);
    const auto mask = generator.uniform({rows, references}, torch::kFloat64) < 0.4;
    const auto r = ids({0, 0, 1, 2, 2, 2, 2}), c = ids({1, 4, 0, 2, 3, 5, 6});
    const auto counts = diva::soft_counts(s, r, c, {mask, ~mask}, 0.3);
    for (std::int64_t p = 0; p < r.size(0); ++p) {
      const auto q = r[p].item<std::int64_t>(), j = c[p].item<std::int64_t>();
      auto terms = ((s[q] - s[q][j]) / 0.3).sigmoid();
      terms[j] = 0;
      const double expected = terms.masked_select(mask[q]).sum().item<double>();
      const double rest = terms.masked_select(~mask[q]).sum().item<double>();
      CHECK(std::abs(counts[0][p].item<double>() - expected) < 1e-10 * (1 + expected));
      CHECK(std::abs(counts[1][p].item<double>() - rest) < 1e-10 * (1 + rest));
    }
  }
}

TEST_CASE("soft_counts have the gradient of their value") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    diva::Generator generator(seed);
    auto s = generator.normal({3, 6}, torch::kFloat64).requires_grad_();
    const auto weights = generator.uniform({3, 6}, torch::kFloat64), upstream = generator.normal({2, 4}, torch::kFloat64);
    const auto r = ids({0, 0, 1, 2}), c = ids({1, 4, 0, 2});
    const auto value = [&] { return (diva::soft_counts(s, r, c, {weights < 0.5, weights}, 0.5) * upstream).sum(); };
    CHECK(gradient_error(value, s) < 1e-6);
  }
}

TEST_CASE("soft_counts of no pair, and bad input") {
  const auto s = torch::ones({2, 3}, torch::kFloat64).requires_grad_();
  const auto all = torch::ones({2, 3}, torch::kBool);
  const auto none = diva::soft_counts(s, ids({}), ids({}), {all}, 1);
  CHECK(none.sizes() == torch::IntArrayRef({1, 0}));
  none.sum().backward();
  CHECK(torch::equal(s.grad(), torch::zeros_like(s)));
  CHECK_THROWS_AS(diva::soft_counts(s, ids({0}), ids({0}), {}, 1), diva::ShapeError);
  CHECK_THROWS_AS(diva::soft_counts(s, ids({0}), ids({0, 1}), {all}, 1), diva::ShapeError);
  CHECK_THROWS_AS(diva::soft_counts(s, ids({0}), ids({0}), {all.t()}, 1), diva::ShapeError);
  CHECK_THROWS_AS(diva::soft_counts(s, ids({0}), ids({0}), {all}, 0), diva::OptionError);
}

TEST_CASE("soft_histogram worked by hand") {
  // Nodes 0, 1, 2: 0.25 gives 0.75 and 0.25; 2 is a node; −1 and 5 count at the ends; the masked 1 counts for nothing.
  const auto v = torch::tensor({{0.25, 2.0, -1.0, 5.0, 1.0}}, torch::kFloat64);
  const auto mask = torch::tensor({{true, true, true, true, false}});
  CHECK(torch::allclose(diva::soft_histogram(v, mask, 0, 1, 3), torch::tensor({{1.75, 0.25, 2.0}}, torch::kFloat64)));
  const auto weights = torch::tensor({{2.0, 0.0, 1.0, 0.0, 0.0}}, torch::kFloat64);
  CHECK(torch::allclose(diva::soft_histogram(v, weights, 0, 1, 3), torch::tensor({{2.5, 0.5, 0.0}}, torch::kFloat64)));
  CHECK(diva::soft_histogram(v * NAN, mask, 0, 1, 3).isnan().any().item<bool>());
  CHECK_THROWS_AS(diva::soft_histogram(v, mask, 0, 1, 1), diva::OptionError);
  CHECK_THROWS_AS(diva::soft_histogram(v, mask, 0, 0, 3), diva::OptionError);
  CHECK_THROWS_AS(diva::soft_histogram(v, mask.t(), 0, 1, 3), diva::ShapeError);
}

TEST_CASE("soft_histogram agrees with its formula, keeps the number of values and has the gradient of its value") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    diva::Generator generator(seed);
    auto v = (generator.uniform({2, 9}, torch::kFloat64) * 2 - 1).requires_grad_();
    const auto mask = generator.uniform({2, 9}, torch::kFloat64) < 0.6;
    const auto h = diva::soft_histogram(v, mask, -1, 0.25, 9);
    const auto nodes = torch::linspace(-1, 1, 9, torch::kFloat64).view({9, 1, 1});
    const auto expected = ((1 - (v.unsqueeze(0) - nodes).abs() / 0.25).relu() * mask.to(torch::kFloat64)).sum(2).t();
    CHECK(torch::allclose(h, expected, 1e-12, 1e-12));
    CHECK(torch::allclose(h.sum(1), mask.sum(1).to(torch::kFloat64)));
    const auto upstream = generator.normal({2, 9}, torch::kFloat64);
    CHECK(gradient_error([&] { return (diva::soft_histogram(v, mask, -1, 0.25, 9) * upstream).sum(); }, v) < 1e-6);
  }
}
