#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/ssl/deep_cluster.hpp>

namespace {

// Three groups of eight rows around corners of the first two dimensions, in seven dimensions.
torch::Tensor groups(diva::Generator& generator) {
  auto x = generator.normal({24, 7}) * 0.05;
  for (std::int64_t i = 0; i < 24; ++i) x[i][i % 3 == 0 ? 0 : 1] += i % 3 == 2 ? -4 : 4;
  return x;
}

// Whether two labellings put the same samples together.
bool same_partition(const torch::Tensor& a, const torch::Tensor& b) {
  return torch::equal(a.unsqueeze(0) == a.unsqueeze(1), b.unsqueeze(0) == b.unsqueeze(1));
}

}  // namespace

TEST_CASE("deep cluster labels find groups, in all dimensions and in their principal components") {
  diva::Generator generator(1);
  const auto x = groups(generator);
  const auto truth = torch::arange(24, torch::kInt64).remainder(3);
  for (const std::int64_t dim : {2, 7, 100}) {
    const auto labels = diva::deep_cluster_labels(x, 3, generator, {.dim = dim, .clustering = {.restarts = 10}});
    CHECK(labels.scalar_type() == torch::kInt64);
    CHECK(same_partition(labels, truth));
  }
}

TEST_CASE("deep cluster labels keep the directions of largest variance") {
  // A single direction of large variance tells two groups; all others are noise of larger count.
  diva::Generator generator(2);
  auto x = generator.normal({40, 30}) * 0.5;
  const auto truth = torch::arange(40, torch::kInt64).remainder(2);
  x.select(1, 17) += truth.to(torch::kFloat32) * 20;
  CHECK(same_partition(diva::deep_cluster_labels(x, 2, generator, {.dim = 1, .clustering = {.restarts = 5}}), truth));
}

TEST_CASE("deep cluster labels take another projection") {
  diva::Generator generator(3);
  const auto x = groups(generator);
  std::int64_t asked = 0;
  const auto first = [&](const torch::Tensor& features, std::int64_t dim) {
    asked = dim;
    return features.narrow(1, 0, 1);  // tells the first group from the others
  };
  const auto labels = diva::deep_cluster_labels(x, 2, generator, {.dim = 5, .clustering = {.restarts = 5}}, first);
  CHECK(asked == 5);
  CHECK(same_partition(labels, (torch::arange(24, torch::kInt64).remainder(3) == 0).to(torch::kInt64)));
  const auto wrong = [](const torch::Tensor& features, std::int64_t) { return features.narrow(0, 0, 3); };
  CHECK_THROWS_AS(diva::deep_cluster_labels(x, 2, generator, {}, wrong), diva::ShapeError);
}

TEST_CASE("deep cluster loss draws its classifier anew for another clustering") {
  diva::Generator generator(4);
  diva::DeepClusterLoss loss(50, generator, {.clusters = 40});
  const auto parameter = loss.parameters()[0];
  const auto before = parameter.detach().clone();
  loss.reset(generator);
  CHECK(parameter.is_same(loss.parameters()[0]));  // an optimiser that holds it goes on
  CHECK(parameter.requires_grad());
  CHECK(!torch::equal(parameter.detach(), before));
  CHECK(std::abs(parameter.detach().std().item<double>() - 0.02) < 0.002);  // 1/50; 2,000 draws: 6 sd
}

TEST_CASE("deep cluster labels refuse bad arguments") {
  diva::Generator generator(5);
  CHECK_THROWS_AS(diva::deep_cluster_labels(torch::ones({3, 2}), 4, generator), diva::OptionError);
  CHECK_THROWS_AS(diva::deep_cluster_labels(torch::ones({3, 2}) * NAN, 2, generator, {.dim = 1}), diva::DataError);
  CHECK_THROWS_AS(diva::deep_cluster_labels(torch::ones({3}), 2, generator), diva::ShapeError);
  CHECK_THROWS_AS(diva::DeepClusterLoss(5, generator, {.clusters = 0}), diva::OptionError);
}
