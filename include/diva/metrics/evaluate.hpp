#pragma once

#include <torch/types.h>
#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/search/kmeans.hpp>
#include <diva/search/neighbours.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace diva::inline v0_1 {

/// Names and values, in the order in which they were asked for.
using MetricValues = std::vector<std::pair<std::string, double>>;

/// Names and values of single queries, [Q] float64, NaN where a query is not judged.
using QueryValues = std::vector<std::pair<std::string, torch::Tensor>>;

/// Whose mean a metric of neighbour lists is.
enum class Average {
  queries,  ///< Every query counts the same, as papers print it.
  classes,  ///< Every class of queries counts the same; see mean_over_classes.
};

constexpr auto enumerators(Average) {
  return std::array{std::pair{Average::queries, "queries"}, std::pair{Average::classes, "classes"}};
}

struct EvaluateOptions {
  /// Which definition, where the seed's differs from the right one; see average_precision and singular_spectrum.
  Variant variant = Variant::fixed;
  /// Clusters of k-means; 0: as many as there are classes in the evaluated labels. The seed takes the number of training classes.
  std::int64_t num_clusters = 0;
  NeighbourOptions search = {};
  KmeansOptions clustering = {};
  Average average = Average::queries;
};

template <class Visitor>
void describe(EvaluateOptions& options, Visitor&& visit) {
  visit("variant", options.variant, "definition of the metrics: fixed, paper or repo");
  visit("num_clusters", options.num_clusters, "clusters of k-means; 0: the number of classes", non_negative);
  visit("search", options.search, "the neighbour search");
  visit("clustering", options.clustering, "k-means");
  visit("average", options.average, "whose mean the metrics of neighbours are: queries or classes");
}

/// Further labels of samples, such as the 12 super-classes of Stanford Online Products.
struct LabelLevel {
  std::string name;      ///< What stands after the slash in "recall@1/super"; not empty, without a slash.
  torch::Tensor labels;  ///< [N] int64, any values.
};

/// One set of samples. `ids` [N] int64 tell which samples of queries and gallery are the same one; undefined: none is.
struct LabelledFeatures {
  torch::Tensor features;               ///< [N, D] floating point.
  torch::Tensor labels;                 ///< [N] int64, any values.
  torch::Tensor ids;                    ///< [N] int64 or undefined.
  std::vector<LabelLevel> levels = {};  ///< Queries and gallery have the same names in the same order.
};

/// A form of metric name, such as "recall@K", and what it means; for messages and help texts. K stands for a number from 1, M for
/// one that is not 0, P for a decimal share in (0, 1].
struct MetricForm {
  std::string name;
  std::string meaning;
};
const std::vector<MetricForm>& metric_forms();

/// Computes metrics by name, each sample a query against all others. R is the number of gallery samples of the query's class.
///
///   recall@K, e_recall@K       share of queries, lone ones (R = 0) included, with one of their class among the K nearest
///   cmc@K                      the same without lone queries
///   precision@K                share of the K nearest that are of the query's class; lone queries are left out here and below
///   r_precision                precision@R
///   mrr                        mean of 1 / the rank of the first of the class
///   ndcg@K                     discounted cumulative gain of the K nearest, of the best there can be (ndcg_at)
///   map@r                      MAP@R, average precision over R ranks (average_precision_at_r)
///   mAP, mAP_K, mAP_lim        average precision over all, K, 1023 ranks (average_precision); the seed's by Variant::repo
///   mAP_c                      map@r; with Variant::repo the seed's, over R + 1 ranks
///   oml_map@K, oml_precision@K OML's map@k and precision@k (oml_average_precision, oml_precision_at)
///   nmi, nmi_geometric, nmi_min, nmi_max, ami, f1       of k-means clusters (clustering_metrics.hpp)
///   auc, eer, fnmr@P           of all pairs, the last at FMR ≤ P (verification.hpp)
///   dists@intra, dists@inter, dists@intra_over_inter, alignment, uniformity, rho_spectrum@M, pcf@P     (embedding_metrics.hpp)
///   precision_at_1, mean_reciprocal_rank, mean_average_precision, mean_average_precision_at_r, NMI, AMI
///                              pytorch-metric-learning's names of precision@1, mrr, mAP, map@r, nmi, ami
///
/// "c_" before a name of neighbours, clusters or pairs is Revisiting's mark of the cosine: c_recall@K, c_mAP_c, c_nmi, c_f1 and all
/// others, by cosine whatever the options' similarity. On L2-normalised features these are the values of the names without it.
/// c_nmi and its like cluster the normalised features; Variant::repo assigns them to the centroid of the smallest angle, as
/// Revisiting does, where others take the nearest. (There k-means' centroids come from the features as they are, by mistake.)
///
/// "/LEVEL" after a name judges by that level of labels: recall@1/super.
///
/// One neighbour search for each similarity serves all metrics and levels, in blocks of queries, for as many neighbours as the most
/// demanding one needs; one k-means for each number of clusters serves nmi, ami and f1, and is run only if one of them is asked
/// for. Only then is `generator` drawn from, once; every k-means starts from that draw, so no value depends on what else is asked
/// for.
///
/// Edge:    NaN where a metric has no sample to judge: precisions when every class has one sample, distances between one class.
///          Ties and duplicates are ordered by their index; a sample is told from its duplicates by id, not by rank. Ranks beyond
///          the gallery hold misses.
/// Cost:    that of nearest_neighbours; mAP over all ranks measures all N² pairs, as do auc, eer, fnmr and uniformity, all others
///          O(N k). Memory beyond the features: that of visit_neighbours. mrr searches further only for queries that have not met
///          their class.
/// Throws:  OptionError (a name that is no metric, with the nearest that is; an unknown level), ShapeError, DataError (as
///          nearest_neighbours: NaN, rows of length 0 under cosine; no sample).
MetricValues evaluate(const torch::Tensor& features, const torch::Tensor& labels, const std::vector<std::string>& metrics,
                      Generator& generator, const EvaluateOptions& options = {});

/// Queries against a gallery, as In-Shop's protocol asks. Clusters, distances and spectra are those of the gallery.
MetricValues evaluate(const LabelledFeatures& queries, const LabelledFeatures& gallery, const std::vector<std::string>& metrics,
                      Generator& generator, const EvaluateOptions& options = {});

/// The values of single queries instead of their means, for metrics of neighbours only: what class_means (neighbour_metrics.hpp)
/// and bootstrap_mean (bootstrap.hpp) take. The options' average has no effect.
///
/// Throws:  as evaluate; OptionError for a metric that is not one of neighbours.
QueryValues evaluate_queries(const torch::Tensor& features, const torch::Tensor& labels, const std::vector<std::string>& metrics,
                             const EvaluateOptions& options = {});
QueryValues evaluate_queries(const LabelledFeatures& queries, const LabelledFeatures& gallery,
                             const std::vector<std::string>& metrics, const EvaluateOptions& options = {});

}  // namespace diva::inline v0_1
