#pragma once

#include <torch/types.h>
#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/search/kmeans.hpp>
#include <diva/search/neighbours.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace diva {

/// Names and values, in the order in which they were asked for.
using MetricValues = std::vector<std::pair<std::string, double>>;

struct EvaluateOptions {
  /// Which definition, where the seed's differs from the right one; see average_precision and singular_spectrum.
  Variant variant = Variant::fixed;
  /// Clusters of k-means; 0: as many as there are classes in the evaluated labels. The seed takes the number of training classes.
  std::int64_t num_clusters = 0;
  NeighbourOptions search = {};
  KmeansOptions clustering = {};
};

template <class Visitor>
void describe(EvaluateOptions& options, Visitor&& visit) {
  visit("variant", options.variant, "definition of the metrics: fixed, paper or repo");
  visit("num_clusters", options.num_clusters, "clusters of k-means; 0: the number of classes", non_negative);
  visit("search", options.search, "the neighbour search");
  visit("clustering", options.clustering, "k-means");
}

/// One set of samples. `ids` [N] int64 tell which samples of queries and gallery are the same one; undefined: none is.
struct LabelledFeatures {
  torch::Tensor features;  ///< [N, D] floating point.
  torch::Tensor labels;    ///< [N] int64, any values.
  torch::Tensor ids;       ///< [N] int64 or undefined.
};

/// A form of metric name, such as "recall@K", and what it means; for messages and help texts.
struct MetricForm {
  std::string name;
  std::string meaning;
};
const std::vector<MetricForm>& metric_forms();

/// Computes metrics by name, each sample a query against all others.
///
///   recall@K, e_recall@K   share of queries, lone ones included, with one of their class among the K nearest
///   precision@K, r_precision, mrr, map@r (MAP@R)                  see neighbour_metrics.hpp
///   mAP, mAP_N, mAP_lim (N = 1023), mAP_c                         average_precision; mAP_c is average_precision_at_r
///   nmi, ami, f1           of k-means clusters; see clustering_metrics.hpp
///   dists@intra, dists@inter, dists@intra_over_inter, rho_spectrum@M   see embedding_metrics.hpp
///
/// One neighbour search serves all metrics, in blocks of queries, for as many neighbours as the most demanding one needs; one
/// k-means serves nmi, ami and f1, and is run only if one of them is asked for. Only then is `generator` drawn from, once.
///
/// Edge:    NaN where a metric has no sample to judge: precisions when every class has one sample, distances between one class.
///          Ties and duplicates are ordered by their index; a sample is told from its duplicates by id, not by rank.
/// Cost:    that of nearest_neighbours; mAP over all ranks measures all N² pairs, all others O(N k). O(N + block · k) memory
/// besides
///          the features. mrr searches further only for queries that have not met their class.
/// Throws:  OptionError (a name that is no metric, with the nearest that is), ShapeError, DataError (as nearest_neighbours; no
/// sample).
MetricValues evaluate(const torch::Tensor& features, const torch::Tensor& labels, const std::vector<std::string>& metrics,
                      Generator& generator, const EvaluateOptions& options = {});

/// Queries against a gallery, as In-Shop's protocol asks. Clusters, distances and spectra are those of the gallery.
MetricValues evaluate(const LabelledFeatures& queries, const LabelledFeatures& gallery, const std::vector<std::string>& metrics,
                      Generator& generator, const EvaluateOptions& options = {});

}  // namespace diva
