// What every criterion promises (include/diva/losses/loss.hpp), checked for each name of the registry.
#include "support/catch.hpp"
#include "support/finite_differences.hpp"

#include <torch/autograd.h>
#include <torch/utils.h>
#include <diva/core/generator.hpp>
#include <diva/losses/registry.hpp>

#include <functional>

namespace {

constexpr std::int64_t classes = 4;

struct Batch {
  torch::Tensor embeddings;
  torch::Tensor labels;
};

Batch random_batch(std::uint64_t seed, torch::ScalarType type = torch::kFloat64) {
  diva::Generator generator(seed);
  auto x = generator.normal({10, 6}, torch::kFloat64);
  x = x / x.norm(2, 1, true);
  return {x.to(type), (generator.uniform({10}, torch::kFloat64) * classes).floor().to(torch::kInt64)};
}

std::unique_ptr<diva::Loss> make(const std::string& name, torch::ScalarType type = torch::kFloat64) {
  auto loss = diva::make_loss(name, classes);
  loss->to(type);
  return loss;
}

void for_each_loss(const std::function<void(const std::string&)>& body) {
  for (const auto& name : diva::loss_names()) {
    INFO("loss " << name);
    body(name);
  }
}

}  // namespace

TEST_CASE("contract: gradients agree with finite differences in double") {
  for_each_loss([](const std::string& name) {
    if (name == "circle" || name == "CircleLoss") return;  // the weights of its pairs are constants in the gradient, by definition
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      const auto loss = make(name);
      auto [x, labels] = random_batch(seed);
      x.requires_grad_();
      const auto value = [&, &labels = labels, &x = x] { return loss->forward(x, labels); };
      CHECK(gradient_error(value, x) < 1e-6);
      for (const auto& parameter : loss->parameters()) CHECK(gradient_error(value, parameter) < 1e-6);
    }
  });
}

TEST_CASE("contract: the order of the batch does not matter") {
  for_each_loss([](const std::string& name) {
    if (name == "NPairsLoss") return;  // the pair of a class is that of its first two samples, as in PML
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const auto loss = make(name);
      const auto [x, labels] = random_batch(seed);
      const auto order = diva::Generator(seed).permutation(10);
      const double straight = loss->forward(x, labels).item<double>();
      const double shuffled = loss->forward(x.index_select(0, order), labels.index_select(0, order)).item<double>();
      CHECK(std::abs(straight - shuffled) < 1e-12 * (1 + std::abs(straight)));
    }
  });
}

TEST_CASE("contract: the names of the classes do not matter") {
  for_each_loss([](const std::string& name) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const auto loss = make(name);
      const auto [x, labels] = random_batch(seed);
      const auto renamed = diva::Generator(seed + 100).permutation(classes).index_select(0, labels);
      CHECK(std::abs(loss->forward(x, labels).item<double>() - loss->forward(x, renamed).item<double>()) < 1e-12);
    }
  });
}

TEST_CASE("contract: float agrees with double, half and bfloat16 are computed in float") {
  for_each_loss([](const std::string& name) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const auto [x, labels] = random_batch(seed);
      const double exact = make(name)->forward(x, labels).item<double>();
      const auto loss = make(name, torch::kFloat32);
      CHECK(std::abs(loss->forward(x.to(torch::kFloat32), labels).item<double>() - exact) < 1e-4 * (1 + std::abs(exact)));
      for (const auto type : {torch::kHalf, torch::kBFloat16}) {
        const auto narrow = x.to(type);
        const auto value = loss->forward(narrow, labels);
        CHECK(value.scalar_type() == torch::kFloat32);
        CHECK(value.item<double>() == loss->forward(narrow.to(torch::kFloat32), labels).item<double>());
      }
    }
  });
}

TEST_CASE("contract: nothing selected is zero with a gradient of zeros") {
  for_each_loss([](const std::string& name) {
    const auto loss = make(name);
    const auto none = torch::empty({0}, torch::kInt64);
    const auto check = [&](torch::Tensor x, const torch::Tensor& labels, const diva::Tuples& tuples) {
      x = x.detach().clone().requires_grad_();
      const auto value = loss->forward(x, labels, tuples);
      CHECK(value.dim() == 0);
      CHECK(value.item<double>() == 0);
      REQUIRE(value.requires_grad());
      value.backward();
      CHECK(torch::equal(x.grad(), torch::zeros_like(x)));
    };
    const auto [x, labels] = random_batch(1);
    check(x, labels, diva::Triplets{none, none, none});
    check(x.narrow(0, 0, 0), none, {});                    // empty batch
    check(x.narrow(0, 0, 1), labels.narrow(0, 0, 1), {});  // one sample
    check(x.narrow(0, 0, 1), labels.narrow(0, 0, 1), diva::Triplets{none, none, none});
  });
}

TEST_CASE("contract: identical and opposite embeddings give a finite value and gradient, in float and double") {
  for_each_loss([](const std::string& name) {
    for (const auto type : {torch::kFloat32, torch::kFloat64}) {
      const auto loss = make(name, type);
      const auto [random, labels] = random_batch(2, type);
      const auto signs = (torch::arange(10).remainder(2) * 2 - 1).unsqueeze(1).to(type);
      for (const auto& rows : {random[0].expand_as(random), random[0] * signs, random * 0}) {
        auto x = rows.clone().requires_grad_();
        const auto value = loss->forward(x, labels);
        value.backward();
        CHECK(value.isfinite().item<bool>());
        CHECK(x.grad().isfinite().all().item<bool>());
        for (const auto& parameter : loss->parameters()) CHECK(parameter.grad().isfinite().all().item<bool>());
      }
    }
  });
}

TEST_CASE("contract: NaN in the embeddings passes on to the value") {
  for_each_loss([](const std::string& name) {
    const auto [x, labels] = random_batch(3);
    CHECK(make(name)->forward(x * NAN, labels).isnan().item<bool>());
  });
}

TEST_CASE("contract: a loss falls under gradient descent") {
  for_each_loss([](const std::string& name) {
    const auto loss = make(name);
    auto [x, labels] = random_batch(4);
    x.requires_grad_();
    const double before = loss->forward(x, labels).item<double>();
    for (int step = 0; step < 50; ++step) {
      const auto gradient = torch::autograd::grad({loss->forward(x, labels)}, {x})[0];
      torch::NoGradGuard guard;
      x -= 0.05 * gradient;
    }
    CHECK(loss->forward(x, labels).item<double>() < before);
  });
}

TEST_CASE("contract: a loss restores its own state") {
  for_each_loss([](const std::string& name) {
    const auto source = make(name), target = make(name);
    {
      torch::NoGradGuard guard;
      for (auto parameter : source->parameters()) parameter.mul_(1.1);
    }
    target->restore(source->state());
    const auto [x, labels] = random_batch(5);
    CHECK(target->forward(x, labels).item<double>() == source->forward(x, labels).item<double>());
  });
}
