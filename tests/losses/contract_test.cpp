// What every criterion promises (include/diva/losses/loss.hpp), checked for each name of the registry.
#include "support/catch.hpp"
#include "support/finite_differences.hpp"

#include <torch/autograd.h>
#include <torch/utils.h>
#include <diva/core/generator.hpp>
#include <diva/losses/proxy_loss.hpp>
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
  // No seed of a batch: its embeddings would lie on the proxies, where ArcFace's angle has a kink that magnifies rounding.
  diva::Generator generator(1000);
  auto loss = diva::make_loss(name, {.num_classes = classes, .embed_dim = 6}, "{}", generator);
  loss->to(type);
  return loss;
}

// Where a criterion does not promise all of this: what it does instead, with the reason.
struct Exceptions {
  bool takes_tuples = true;  // vicreg pairs each row with the same row of the other view; InstanceLoss refuses them, as PML
  bool own_gradient = true;  // dynamic_soft_margin weighs by statistics that have no gradient
};

Exceptions exceptions(const std::string& name) {
  const std::string own(make(name)->name());
  return {.takes_tuples = own != "vicreg" && name != "InstanceLoss", .own_gradient = name != "dynamic_soft_margin"};
}

// The value of a new criterion: some remember past batches.
double value_of(const std::string& name, const torch::Tensor& x, const torch::Tensor& labels) {
  return make(name)->forward(x, labels).item<double>();
}

void for_each_loss(const std::function<void(const std::string&)>& body) {
  for (const auto& name : diva::loss_names()) {
    // A walk from drawn meta-classes over all of the batch at once, with jumps: manifold_loss_test has what it promises instead.
    if (name == "manifold" || name == "ManifoldLoss") continue;
    INFO("loss " << name);
    body(name);
  }
}

}  // namespace

TEST_CASE("contract: gradients agree with finite differences in double") {
  for_each_loss([](const std::string& name) {
    if (!exceptions(name).own_gradient) return;
    if (name == "circle" || name == "CircleLoss") return;  // the weights of its pairs are constants in the gradient, by definition
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      const auto loss = make(name);
      auto [x, labels] = random_batch(seed);
      x.requires_grad_();
      CHECK(gradient_error([&, &labels = labels, &x = x] { return make(name)->forward(x, labels); }, x) < 1e-6);
      const auto value = [&, &labels = labels, &x = x] { return loss->forward(x, labels); };
      if (name == "P2SGradLoss") continue;  // PML's gradient of the weights is that of their unit vectors
      for (const auto& parameter : loss->parameters()) CHECK(gradient_error(value, parameter) < 1e-6);
    }
  });
}

TEST_CASE("contract: the order of the batch does not matter") {
  for_each_loss([](const std::string& name) {
    if (name == "InstanceLoss" || name == "NPairsLoss") return;  // PML's right answers are places in the batch
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const auto [x, labels] = random_batch(seed);
      const auto order = diva::Generator(seed).permutation(10);
      const double straight = value_of(name, x, labels);
      const double shuffled = value_of(name, x.index_select(0, order), labels.index_select(0, order));
      CAPTURE(seed, straight);
      CHECK(std::abs(straight - shuffled) < 1e-12 * (1 + std::abs(straight)));
    }
  });
}

TEST_CASE("contract: the names of the classes do not matter, when what was learned of them is renamed too") {
  for_each_loss([](const std::string& name) {
    if (name == "InstanceLoss") return;  // PML's right answers are ranks of labels
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const auto [x, labels] = random_batch(seed);
      const auto names = diva::Generator(seed + 100).permutation(classes);
      const double before = value_of(name, x, labels);
      const auto renamed = make(name);
      if (const auto* with_proxies = dynamic_cast<const diva::ProxyLoss*>(renamed.get())) {
        torch::NoGradGuard guard;
        const auto rows = with_proxies->proxies().view({classes, -1});
        torch::Tensor(rows).copy_(torch::zeros_like(rows).index_copy(0, names, rows));
      }
      CHECK(std::abs(before - renamed->forward(x, names.index_select(0, labels)).item<double>()) < 1e-12 * (1 + std::abs(before)));
    }
  });
}

TEST_CASE("contract: float agrees with double, half and bfloat16 are computed in float") {
  for_each_loss([](const std::string& name) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const auto [x, labels] = random_batch(seed);
      const double exact = make(name)->forward(x, labels).item<double>();
      const auto in_float = [&, &labels = labels](const torch::Tensor& rows) {
        return make(name, torch::kFloat32)->forward(rows, labels);
      };
      CHECK(std::abs(in_float(x.to(torch::kFloat32)).item<double>() - exact) < 1e-4 * (1 + std::abs(exact)));
      for (const auto type : {torch::kHalf, torch::kBFloat16}) {
        const auto narrow = x.to(type);
        const auto value = in_float(narrow);
        CHECK(value.scalar_type() == torch::kFloat32);
        CHECK(value.item<double>() == in_float(narrow.to(torch::kFloat32)).item<double>());
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
    check(x.narrow(0, 0, 0), none, {});  // empty batch
    // One sample is compared with nothing, but for the proxies of a criterion that has some.
    if (dynamic_cast<const diva::ProxyLoss*>(loss.get()) == nullptr) check(x.narrow(0, 0, 1), labels.narrow(0, 0, 1), {});
    if (!exceptions(name).takes_tuples) return;
    check(x, labels, diva::Triplets{none, none, none});
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
      for (auto parameter : source->parameters()) parameter.mul_(1.1).add_(0.05);
    }
    target->restore(source->state());
    const auto [x, labels] = random_batch(5);
    CHECK(target->forward(x, labels).item<double>() == source->forward(x, labels).item<double>());
  });
}
