#include "support/catch.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/losses/grad_cache.hpp>
#include <diva/losses/margin_loss.hpp>

namespace {

struct Problem {
  diva::Generator generator{3};
  torch::Tensor images = generator.normal({12, 5}, torch::kFloat64);
  torch::Tensor labels = torch::arange(12, torch::kInt64).remainder(4);
  torch::Tensor weight = generator.normal({5, 3}, torch::kFloat64).requires_grad_();
  diva::MarginLoss loss{diva::MarginLossOptions{}, 4};

  Problem() { loss.to(torch::kFloat64); }
  torch::Tensor embed(const torch::Tensor& x) const {
    const auto y = x.mm(weight).tanh();
    return y / y.norm(2, 1, true);
  }
};

}  // namespace

TEST_CASE("grad_cache gives the value and gradients of the whole batch, those of the criterion too") {
  for (const std::int64_t chunks : {1, 3, 4, 12}) {
    Problem whole, cached;
    const auto value = whole.loss.forward(whole.embed(whole.images), whole.labels);
    value.backward();
    const auto parts = cached.images.chunk(chunks);
    int calls = 0;
    const auto result = diva::grad_cache(
        chunks,
        [&](std::int64_t i) {
          ++calls;
          return cached.embed(parts[static_cast<std::size_t>(i)]);
        },
        [&](const torch::Tensor& x) { return cached.loss.forward(x, cached.labels); });
    CHECK(calls == 2 * chunks);
    CHECK(!result.requires_grad());
    CHECK(std::abs(result.item<double>() - value.item<double>()) < 1e-14);
    CHECK(torch::allclose(cached.weight.grad(), whole.weight.grad(), 1e-12, 1e-14));
    CHECK(torch::allclose(cached.loss.parameters()[0].grad(), whole.loss.parameters()[0].grad(), 1e-12, 1e-14));
  }
}

TEST_CASE("grad_cache: a network that draws from a generator draws the same twice, and is found out where it does not") {
  Problem problem;
  auto generator = at::detail::createCPUGenerator(11);
  const auto parts = problem.images.chunk(3);
  const auto embed = [&](std::int64_t i) {
    const auto& part = parts[static_cast<std::size_t>(i)];
    const auto mask = torch::rand({part.size(0), 5}, generator, torch::kFloat64) < 0.5;
    return problem.embed(part * mask.to(torch::kFloat64) * 2);
  };
  const auto loss = [&](const torch::Tensor& x) { return problem.loss.forward(x, problem.labels); };
  const auto value = diva::grad_cache(3, embed, loss, {.generators = {generator}});
  const auto gradient = problem.weight.grad().clone();
  // The generator goes on where the first pass left it: the masks of that pass again, by a generator of the same seed.
  const double next = torch::rand({1}, generator, torch::kFloat64).item<double>();
  generator = at::detail::createCPUGenerator(11);
  problem.weight.mutable_grad() = torch::Tensor();
  std::vector<torch::Tensor> embeddings;
  for (std::int64_t i = 0; i < 3; ++i) embeddings.push_back(embed(i));
  const auto whole = loss(torch::cat(embeddings));
  whole.backward();
  CHECK(std::abs(value.item<double>() - whole.item<double>()) < 1e-14);
  CHECK(torch::allclose(problem.weight.grad(), gradient, 1e-12, 1e-14));
  CHECK(torch::rand({1}, generator, torch::kFloat64).item<double>() == next);
  CHECK_THROWS_AS(diva::grad_cache(3, embed, loss), diva::DataError);
}

TEST_CASE("grad_cache refuses no chunk and chunks of other dimensions, and passes on nothing from a constant") {
  const auto sum = [](const torch::Tensor& x) { return x.sum(); };
  CHECK_THROWS_AS(diva::grad_cache(
                      0,
                      [](std::int64_t) {
                        return torch::ones({1, 2});
                      },
                      sum),
                  diva::OptionError);
  CHECK_THROWS_AS(diva::grad_cache(
                      2,
                      [](std::int64_t i) {
                        return torch::ones({1, 2 + i});
                      },
                      sum),
                  diva::ShapeError);
  const auto constant = [](const torch::Tensor&) { return torch::ones({}); };
  CHECK(diva::grad_cache(
            2,
            [](std::int64_t) {
              return torch::ones({1, 2});
            },
            constant)
            .item<double>() == 1);
}
