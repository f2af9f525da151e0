#include <diva/core/checks.hpp>
#include <diva/ssl/deep_cluster.hpp>

#include <string>

namespace diva {
namespace {

// Onto the directions of largest variance, in float64.
torch::Tensor principal_components(const torch::Tensor& features, std::int64_t dim) {
  const auto centred = features.to(torch::kFloat64) - features.to(torch::kFloat64).mean(0, true);
  const auto directions = std::get<1>(torch::linalg_eigh(centred.t().mm(centred), "L"));  // ascending eigenvalues
  return centred.mm(directions.narrow(1, directions.size(1) - dim, dim).flip(1));
}

}  // namespace

DeepClusterLoss::DeepClusterLoss(std::int64_t feature_dim, Generator& initialisation, const DeepClusterOptions& options)
    : PretextClassifier("DeepClusterLoss", feature_dim, options.clusters, initialisation, options.head) {
  validate_fields("DeepClusterLoss", options);
}

void DeepClusterLoss::reset(Generator& generator) {
  set_weight(generator.normal({num_classes(), feature_dim()}) / static_cast<double>(feature_dim()));
}

torch::Tensor deep_cluster_labels(const torch::Tensor& features, std::int64_t clusters, Generator& generator,
                                  const DeepClusterLabelsOptions& options, const Projection& projection) {
  constexpr auto function = "deep_cluster_labels";
  validate_fields(function, options);
  detail::check_embeddings(function, features, "features");
  detail::check_finite(function, "features", features);
  const auto rows = features.detach();
  if (!projection && options.dim >= rows.size(1)) return kmeans(rows, clusters, generator, options.clustering).assignments;
  const auto projected = projection ? projection(rows, options.dim) : principal_components(rows, options.dim);
  detail::check_embeddings(function, projected, "projection");
  if (projected.size(0) != rows.size(0)) {
    detail::fail<ShapeError>(function, "projection", "[" + std::to_string(rows.size(0)) + ", dim]", detail::describe(projected));
  }
  return kmeans(projected, clusters, generator, options.clustering).assignments.to(features.device());
}

}  // namespace diva
