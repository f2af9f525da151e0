#include "support/catch.hpp"
#include "support/finite_differences.hpp"

#include <torch/utils.h>
#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/losses/pairwise.hpp>

#include <cmath>

using diva::PairBlock;
using diva::Reduction;

namespace {

struct Problem {
  torch::Tensor x, r, labels, reference_labels, parameter;
};

Problem random_problem(std::uint64_t seed) {
  diva::Generator generator(seed);
  const auto draw = [&](std::int64_t n) { return (generator.uniform({n}, torch::kFloat64) * 3).floor().to(torch::kInt64); };
  return {generator.normal({7, 4}, torch::kFloat64).requires_grad_(), generator.normal({5, 4}, torch::kFloat64).requires_grad_(),
          draw(7), draw(5), generator.normal({3}, torch::kFloat64).requires_grad_()};
}

// Two groups: elements are pairs, and rows; the second reads a parameter of the anchor's class.
std::vector<diva::Elements> two_groups(const PairBlock& block, const std::vector<torch::Tensor>& parameters) {
  return {{block.values.relu(), block.positive},
          {(block.values * block.negative.to(block.values.scalar_type())).sum(1) * parameters[0].index_select(0, block.labels),
           diva::detail::any_of(block.negative)}};
}

}  // namespace

TEST_CASE("pairwise_loss gives the same value and gradients in one block and in many") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    auto p = random_problem(seed);
    const bool with_reference = seed % 2 == 1;
    diva::Comparison comparison{.embeddings = p.x, .labels = p.labels};
    if (with_reference) comparison.reference = diva::Reference{p.r, p.reference_labels};
    for (const auto& [kind, name] : diva::enumerators(Reduction{})) {
      if (kind == Reduction::none) continue;
      CAPTURE(seed, name);
      const diva::PairwiseOptions options{
          .similarities = seed % 3 == 0,
          .reducer = {.kind = kind, .low = 0.1, .high = 2, .divisor = 3, .class_weights = {1, 2, 0.5}}};
      const auto evaluate = [&](std::int64_t at_once) {
        for (auto* leaf : {&p.x, &p.r, &p.parameter}) leaf->mutable_grad() = torch::Tensor();
        const auto value = diva::pairwise_loss(comparison, {}, options, {p.parameter}, two_groups, at_once);
        (2 * value).backward();
        std::vector<torch::Tensor> results = {value.detach(), p.x.grad().clone(), p.parameter.grad().clone()};
        if (with_reference) results.push_back(p.r.grad().clone());
        return results;
      };
      const auto whole = evaluate(1000);
      for (const std::int64_t at_once : {1, 10, 15, 20}) {
        const auto blocks = evaluate(at_once);
        for (std::size_t i = 0; i < whole.size(); ++i) REQUIRE((whole[i] - blocks[i]).abs().max().item<double>() < 1e-12);
      }
    }
  }
}

TEST_CASE("pairwise_loss has the gradient of its value in many blocks") {
  auto p = random_problem(3);
  const diva::Comparison comparison{.embeddings = p.x, .labels = p.labels};
  const auto value = [&] { return diva::pairwise_loss(comparison, {}, {}, {p.parameter}, two_groups, 14); };
  CHECK(gradient_error(value, p.x) < 1e-6);
  CHECK(gradient_error(value, p.parameter) < 1e-6);
}

TEST_CASE("pairwise_loss of nothing is zero with a gradient") {
  const auto none = torch::empty({0}, torch::kInt64);
  for (const std::int64_t rows : {0, 2}) {
    const auto x = torch::ones({rows, 4}, torch::kFloat64).requires_grad_();
    const diva::Comparison comparison{.embeddings = x,
                                      .labels = torch::zeros({rows}, torch::kInt64),
                                      .reference = diva::Reference{torch::ones({0, 4}, torch::kFloat64), none}};
    const auto parameter = torch::ones({3}, torch::kFloat64);
    const auto value = diva::pairwise_loss(comparison, {}, {}, {parameter}, two_groups);
    CHECK(value.item<double>() == 0);
    value.backward();
    CHECK(torch::equal(x.grad(), torch::zeros_like(x)));
  }
}

TEST_CASE("pairwise_loss refuses one value an element for more pairs than fit at once") {
  const auto p = random_problem(1);
  const diva::Comparison comparison{.embeddings = p.x, .labels = p.labels};
  CHECK_THROWS_AS(diva::pairwise_loss(comparison, {}, {.reducer = {.kind = Reduction::none}}, {p.parameter}, two_groups, 10),
                  diva::OptionError);
}

TEST_CASE("masked_logsumexp is finite in value and gradient for rows without elements") {
  const auto x = torch::tensor({{1.0, 2.0}, {3.0, 4.0}}, torch::kFloat64).requires_grad_();
  const auto mask = torch::tensor({{true, true}, {false, false}});
  const auto plain = diva::detail::masked_logsumexp(x, mask, false), with_zero = diva::detail::masked_logsumexp(x, mask, true);
  CHECK(std::abs(plain[0].item<double>() - std::log(std::exp(1.0) + std::exp(2.0))) < 1e-12);
  CHECK(std::isinf(plain[1].item<double>()));
  CHECK(std::abs(with_zero[0].item<double>() - std::log(1 + std::exp(1.0) + std::exp(2.0))) < 1e-12);
  CHECK(with_zero[1].item<double>() == 0);
  (plain.masked_fill(plain.isinf(), 0).sum() + with_zero.sum()).backward();
  CHECK(x.grad().isfinite().all().item<bool>());
  CHECK(torch::equal(x.grad()[1], torch::zeros({2}, torch::kFloat64)));
  const auto weights = torch::tensor({{0.5, 2.0}, {0.0, 0.0}}, torch::kFloat64);
  CHECK(std::abs(diva::detail::masked_logsumexp(x.detach(), weights, false)[0].item<double>() -
                 std::log(0.5 * std::exp(1.0) + 2 * std::exp(2.0))) < 1e-12);
}
