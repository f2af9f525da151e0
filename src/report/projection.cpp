#include <diva/core/checks.hpp>
#include <diva/report/projection.hpp>

#include <torch/utils.h>

#include <algorithm>
#include <cmath>

namespace diva::inline v0_1 {
namespace {

// Conditional neighbour probabilities whose entropy is log(perplexity), by bisection of each row's bandwidth.
torch::Tensor affinities(const torch::Tensor& squared_distances, double perplexity) {
  const auto count = squared_distances.size(0);
  const double target = std::log(perplexity);
  auto low = torch::zeros({count, 1}, torch::kFloat64), high = torch::full({count, 1}, INFINITY, torch::kFloat64),
       beta = torch::ones({count, 1}, torch::kFloat64);
  const auto scaled = squared_distances / squared_distances.mean().clamp_min(1e-300);
  const auto itself = torch::eye(count, torch::kBool);
  torch::Tensor p;
  for (int i = 0; i < 50; ++i) {
    p = (-scaled * beta).masked_fill(itself, -INFINITY).softmax(1);
    const auto entropy = -(p * p.clamp_min(1e-300).log()).sum(1, true);
    const auto too_wide = entropy > target;
    low = torch::where(too_wide, beta, low);
    high = torch::where(too_wide, high, beta);
    beta = torch::where(high.isinf(), beta * 2, (low + high) / 2);
  }
  return (p + p.t()) / (2.0 * static_cast<double>(count));
}

}  // namespace

torch::Tensor pca_2d(const torch::Tensor& features) {
  detail::check_embeddings("pca_2d", features, "features");
  if (features.size(1) < 2) detail::fail<ShapeError>("pca_2d", "features", "[N, D] with D at least 2", detail::describe(features));
  detail::check_finite("pca_2d", "features", features);
  const auto x = features.detach().to(torch::kFloat64).cpu();
  if (x.size(0) == 0) return torch::empty({0, 2}, torch::kFloat64);
  const auto centred = x - x.mean(0, true);
  const auto vectors = std::get<1>(torch::linalg_eigh(centred.t().mm(centred)));  // ascending eigenvalues
  auto map = centred.mm(vectors.narrow(1, vectors.size(1) - 2, 2).flip(1));
  // An eigenvector's sign means nothing: fix it, so that equal features give equal maps.
  const auto signs = (map.amax(0) + map.amin(0)).sign();
  return map * torch::where(signs == 0, torch::ones_like(signs), signs);
}

torch::Tensor tsne_2d(const torch::Tensor& features, Generator& generator, const TsneOptions& options) {
  validate_fields("tsne_2d", options);
  torch::NoGradGuard no_grad;
  auto map = pca_2d(features);
  const auto count = map.size(0);
  if (count > 5000) detail::fail<ShapeError>("tsne_2d", "features", "at most 5000 rows", detail::describe(features));
  if (count < 8) return map;
  const auto x = features.detach().to(torch::kFloat64).cpu();
  const auto p =
      affinities(torch::cdist(x, x).square(), std::min(options.perplexity, static_cast<double>(count) / 3.0)).clamp_min(1e-12);
  map = map / map.std(0, true).clamp_min(1e-300) * 1e-4 + 1e-6 * generator.normal({count, 2}, torch::kFloat64);

  auto velocity = torch::zeros_like(map), gains = torch::ones_like(map);
  const auto early = options.iterations / 4;
  const double rate = std::max(50.0, static_cast<double>(count) / 12);
  for (std::int64_t i = 0; i < options.iterations; ++i) {
    const auto squares = map.square().sum(1);
    auto kernel = 1 / (1 + (squares.unsqueeze(1) + squares.unsqueeze(0) - 2 * map.mm(map.t())).clamp_min(0));
    kernel.fill_diagonal_(0);
    const auto force = (p * (i < early ? 12.0 : 1.0) - kernel / kernel.sum()) * kernel;
    const auto gradient = 4 * (force.sum(1, true) * map - force.mm(map));
    gains = torch::where((gradient * velocity) > 0, gains * 0.8, gains + 0.2).clamp_min(0.01);
    velocity = (i < early ? 0.5 : 0.8) * velocity - rate * gains * gradient;
    map = map + velocity;
    map = map - map.mean(0, true);
  }
  return map;
}

}  // namespace diva::inline v0_1
