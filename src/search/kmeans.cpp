#include <faiss/Clustering.h>
#include <faiss/IndexFlat.h>
#include <faiss/impl/FaissException.h>
#include <fmt/format.h>
#include <diva/core/checks.hpp>
#include <diva/search/kmeans.hpp>
#include <diva/search/neighbours.hpp>

#include <algorithm>
#include <limits>

namespace diva {

Clustering kmeans(const torch::Tensor& features, std::int64_t k, Generator& generator, const KmeansOptions& options) {
  constexpr auto function = "kmeans";
  validate_fields(function, options);
  detail::check_embeddings(function, features, "features");
  const auto count = features.size(0), dim = features.size(1);
  if (k < 1 || k > count)
    detail::fail<OptionError>(function, "k", fmt::format("in [1, rows of features] = [1, {}]", count), std::to_string(k));
  const auto x = features.detach().to(torch::kCPU, torch::kFloat32).contiguous();
  detail::check_finite(function, "features", x);

  faiss::ClusteringParameters parameters;
  parameters.niter = static_cast<int>(options.iterations);
  parameters.nredo = static_cast<int>(options.restarts);
  // FAISS adds 1 to the seed.
  parameters.seed = static_cast<int>(generator.below(std::numeric_limits<int>::max()));
  // Neither a warning about small clusters nor a sample of large ones.
  parameters.min_points_per_centroid = 1;
  parameters.max_points_per_centroid = static_cast<int>(std::min<std::int64_t>(count / k + 1, std::numeric_limits<int>::max()));

  faiss::Clustering clustering(static_cast<int>(dim), static_cast<int>(k), parameters);
  try {
    faiss::IndexFlatL2 index(dim);
    clustering.train(count, x.data_ptr<float>(), index);
  } catch (const faiss::FaissException& error) {
    detail::fail<DataError>(function, "features", "what FAISS can cluster", error.what());
  }

  auto centroids = torch::empty({k, dim}, torch::kFloat32);
  std::ranges::copy(clustering.centroids, centroids.data_ptr<float>());
  const auto nearest = nearest_neighbours(x, centroids, 1);
  return {centroids.to(features.device()), nearest.indices.squeeze(1).to(features.device()),
          nearest.distances.to(torch::kFloat64).square().sum().item<double>()};
}

}  // namespace diva
