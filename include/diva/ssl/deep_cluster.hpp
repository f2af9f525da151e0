#pragma once

#include <diva/search/kmeans.hpp>
#include <diva/ssl/pretext_classifier.hpp>

#include <functional>

namespace diva::inline v0_1 {

struct DeepClusterOptions {
  std::int64_t clusters = 300;         ///< Of the data set; the seed's `--diva_dc_ncluster`.
  PretextClassifierOptions head = {};  ///< Of the classifier.
};

template <class Visitor>
void describe(DeepClusterOptions& options, Visitor&& visit) {
  visit("clusters", options.clusters, "of the data set", at_least(1));
  visit("head", options.head, "of the classifier", any_value);
}

/// Predicts the cluster in which a sample lay when the data set was last clustered (deep_cluster_labels).
///
/// Source:  Caron et al., Deep Clustering for Unsupervised Learning of Visual Features, ECCV 2018; arXiv 1807.05520. Reference: the
///          seed's `dc`.
/// Edge, cost, errors: as PretextClassifier.
class DeepClusterLoss final : public PretextClassifier {
 public:
  DeepClusterLoss(std::int64_t feature_dim, Generator& initialisation, const DeepClusterOptions& options = {});

  /// Draws W anew, normal of standard deviation 1/F as the seed: clusters of another clustering have other numbers.
  void reset(Generator& generator);

  [[nodiscard]] std::string_view name() const override { return "dc"; }
};

/// Brings features [N, F] into fewer dimensions [N, dim] before they are clustered.
using Projection = std::function<torch::Tensor(const torch::Tensor& features, std::int64_t dim)>;

struct DeepClusterLabelsOptions {
  std::int64_t dim = 128;  ///< Principal components that are kept; at least F: all, without a projection. The seed's embed_dim.
  KmeansOptions clustering = {};
};

template <class Visitor>
void describe(DeepClusterLabelsOptions& options, Visitor&& visit) {
  visit("dim", options.dim, "principal components that are kept", at_least(1));
  visit("clustering", options.clustering, "k-means", any_value);
}

/// Pseudo-labels of a whole data set from its features: the clusters of their principal components.
///
/// Source:  the seed's criteria/dc.py, update_pseudo_labels, which calls it every `--diva_dc_update_f` epochs.
/// Differs: Caron et al. also whiten and L2-normalise; the seed does neither, and a `projection` of one's own may.
/// Shapes:  features [N, F] -> [N] int64 in [0, clusters), on the features' device. `projection` replaces the principal components.
/// Edge:    clusters may be empty where there are fewer different rows.
/// Cost:    O(N·F² + F³) for the components, then that of kmeans. Draws once from `generator`.
/// Throws:  OptionError (clusters > N), ShapeError (also of a projection's result), DataError (features that are not finite).
torch::Tensor deep_cluster_labels(const torch::Tensor& features, std::int64_t clusters, Generator& generator,
                                  const DeepClusterLabelsOptions& options = {}, const Projection& projection = {});

}  // namespace diva::inline v0_1
