// What holds for each name of the registry on every kind of batch and in every type that training uses.
#include "support/catch.hpp"

#include <torch/types.h>
#include <diva/core/generator.hpp>
#include <diva/losses/proxy_loss.hpp>
#include <diva/losses/registry.hpp>

#include <string>

namespace {

constexpr std::int64_t classes = 5, dim = 6;

enum class Kind { ragged, identical, antipodal, zeros, one_class, all_singletons, one_sample, empty };
constexpr Kind kinds[] = {Kind::ragged,    Kind::identical,      Kind::antipodal,  Kind::zeros,
                          Kind::one_class, Kind::all_singletons, Kind::one_sample, Kind::empty};

struct Batch {
  torch::Tensor embeddings;  // a leaf
  torch::Tensor labels;
};

Batch batch_of(Kind kind, torch::ScalarType type, diva::Generator& generator) {
  auto size = 2 + generator.below(12);
  if (kind == Kind::all_singletons) size = classes;
  if (kind == Kind::one_sample) size = 1;
  if (kind == Kind::empty) size = 0;
  auto x = generator.normal({size, dim});
  x = x / x.norm(2, 1, true);
  // Squares crowd the first classes, so that sizes differ and the last ones are often of one sample or none.
  auto labels = (generator.uniform({size}).square() * classes).floor().to(torch::kInt64);
  if (kind == Kind::identical) x = x.narrow(0, 0, 1).expand_as(x);
  if (kind == Kind::antipodal) x = x.narrow(0, 0, 1) * (torch::arange(size).remainder(2) * 2 - 1).unsqueeze(1);
  if (kind == Kind::zeros) x = x * 0;
  if (kind == Kind::one_class) labels.fill_(3);
  if (kind == Kind::all_singletons) labels = generator.permutation(classes);
  return {x.to(type, false, true).requires_grad_(), labels};
}

}  // namespace

TEST_CASE("property: on every kind of batch and in every type, value and gradients are finite and have their types") {
  for (const auto& name : diva::loss_names()) {
    for (std::uint64_t seed = 0; seed < 48; ++seed) {
      diva::Generator generator(seed);
      const auto kind = kinds[seed % std::size(kinds)];
      const auto type = std::array{torch::kFloat32, torch::kBFloat16, torch::kHalf}[seed / std::size(kinds) % 3];
      const auto loss = diva::make_loss(name, {.num_classes = classes, .embed_dim = dim}, "{}", generator);
      // The gradient of a row of zeros that is normalised is that of x / 1e-12, which half cannot hold.
      if (kind == Kind::zeros && type == torch::kHalf) continue;
      auto [x, labels] = batch_of(kind, type, generator);
      INFO("loss " << name << ", seed " << seed << ", " << x.size(0) << " samples of type " << torch::toString(type));
      const auto value = loss->forward(x, labels);
      REQUIRE(value.dim() == 0);
      REQUIRE(value.scalar_type() == torch::kFloat32);
      REQUIRE(value.device() == x.device());
      REQUIRE(value.isfinite().item<bool>());
      REQUIRE(value.requires_grad());
      value.backward();
      REQUIRE(x.grad().defined());
      REQUIRE(x.grad().scalar_type() == type);
      REQUIRE(x.grad().isfinite().all().item<bool>());
      for (const auto& [parameter_name, parameter] : loss->named_parameters()) {
        INFO("parameter " << parameter_name);
        if (parameter.grad().defined()) REQUIRE(parameter.grad().isfinite().all().item<bool>());
      }
      if (kind == Kind::empty) {
        REQUIRE(value.item<double>() == 0);
        REQUIRE(x.grad().sizes() == x.sizes());
      }
    }
  }
}

TEST_CASE("property: half and bfloat16 give the value of the same rows in float32, and its gradient rounded") {
  for (const auto& name : diva::loss_names()) {
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      for (const auto type : {torch::kBFloat16, torch::kHalf}) {
        INFO("loss " << name << ", seed " << seed << ", type " << torch::toString(type));
        diva::Generator data(seed);
        auto [narrow, labels] = batch_of(Kind::ragged, type, data);
        auto wide = narrow.detach().to(torch::kFloat32).requires_grad_();
        const auto value_of = [&, &labels = labels](const torch::Tensor& x) {
          diva::Generator generator(7);
          const auto value = diva::make_loss(name, {.num_classes = classes, .embed_dim = dim}, "{}", generator)->forward(x, labels);
          value.backward();
          return value.item<float>();
        };
        REQUIRE(value_of(narrow) == value_of(wide));
        REQUIRE(torch::equal(narrow.grad(), wide.grad().to(type)));
      }
    }
  }
}

TEST_CASE("property: a batch of one class or of singletons pulls or pushes without a pair of the other kind") {
  for (const auto& name : diva::loss_names()) {
    for (const auto kind : {Kind::one_class, Kind::all_singletons}) {
      for (std::uint64_t seed = 0; seed < 5; ++seed) {
        diva::Generator generator(seed);
        const auto loss = diva::make_loss(name, {.num_classes = classes, .embed_dim = dim}, "{}", generator);
        const auto [x, labels] = batch_of(kind, torch::kFloat32, generator);
        INFO("loss " << name << ", seed " << seed);
        // The same samples in another order are the same batch, whatever there is to compare.
        if (name == "InstanceLoss" || name == "NPairsLoss" || name == "manifold" || name == "ManifoldLoss" || name == "vicreg" ||
            name == "VICRegLoss") {
          continue;  // PML's right answers are places in the batch; the others draw, or pair views by place
        }
        const auto order = generator.permutation(x.size(0));
        diva::Generator again(seed);
        const auto other = diva::make_loss(name, {.num_classes = classes, .embed_dim = dim}, "{}", again);
        const auto straight = loss->forward(x, labels).item<double>();
        const auto shuffled = other->forward(x.index_select(0, order), labels.index_select(0, order)).item<double>();
        REQUIRE(std::abs(straight - shuffled) <= 1e-4 * (1 + std::abs(straight)));
      }
    }
  }
}
