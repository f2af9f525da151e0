#include <diva/core/checks.hpp>
#include <diva/search/pca.hpp>
#include <diva/ssl/deep_cluster.hpp>

#include <algorithm>
#include <string>

namespace diva::inline v0_1 {
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
  // Fewer rows than dimensions have no variance in more directions than rows.
  const PcaOptions principal{.components = std::min(options.dim, rows.size(0))};
  const auto projected = projection ? projection(rows, options.dim) : transform(fit_pca(rows, principal), rows);
  detail::check_embeddings(function, projected, "projection");
  if (projected.size(0) != rows.size(0)) {
    detail::fail<ShapeError>(function, "projection", "[" + std::to_string(rows.size(0)) + ", dim]", detail::describe(projected));
  }
  return kmeans(projected, clusters, generator, options.clustering).assignments.to(features.device());
}

}  // namespace diva::inline v0_1
