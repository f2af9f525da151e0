#pragma once

#include <torch/types.h>
#include <diva/core/options.hpp>

#include <cstdint>
#include <limits>

namespace diva::inline v0_1 {

/// Neighbour lists seen through their labels: all that the metrics below read. R, the number of relevant samples, is that of the
/// gallery, without those that have the query's id; a class of n samples among which each is a query has R = n − 1.
struct Retrieval {
  torch::Tensor hits;      ///< [Q, k] bool: is the neighbour at this rank of the query's class? False where the list has ended.
  torch::Tensor relevant;  ///< [Q] int64: R.
};

/// [Q, k] bool from Neighbours::indices (−1: no neighbour) and the labels of both sides.
torch::Tensor neighbour_hits(const torch::Tensor& indices, const torch::Tensor& query_labels, const torch::Tensor& gallery_labels);

/// [Q] int64: how many gallery samples of the query's class have another id. Without ids none is left out.
/// Cost: O((Q + N) log N).
torch::Tensor count_relevant(const torch::Tensor& query_labels, const torch::Tensor& gallery_labels,
                             const torch::Tensor& query_ids = {}, const torch::Tensor& gallery_ids = {});

/// Both at once; the arguments are those of nearest_neighbours and its `indices`.
Retrieval judge_neighbours(const torch::Tensor& indices, const torch::Tensor& query_labels, const torch::Tensor& gallery_labels,
                           const torch::Tensor& query_ids = {}, const torch::Tensor& gallery_ids = {});

// The metrics: one float64 value a query, [Q]; `mean_over_queries` makes the number that papers print. A lone query (R = 0) has no
// precision: its value is NaN, and it is left out of the mean. Only recall counts it, as a miss.
//
// Tensors may be on any device and are judged on the CPU. Throws: ShapeError, OptionError (a rank below 1 or beyond the list).

/// Mean of the values that are not NaN; NaN when there is none.
double mean_over_queries(const torch::Tensor& values);

/// What a metric of queries is by class.
struct ClassMeans {
  torch::Tensor labels;  ///< [C] int64, ascending: the classes of the queries.
  torch::Tensor values;  ///< [C] float64: mean of the class's values that are not NaN; NaN where there is none.
  torch::Tensor judged;  ///< [C] int64: how many values that are.
};

/// Shapes:  values [Q] floating point, labels [Q] int64, the queries' classes. Results are on the CPU.
/// Throws:  ShapeError.
ClassMeans class_means(const torch::Tensor& values, const torch::Tensor& labels);

/// Mean of class_means: each class counts the same, however many queries it has. NaN when no class has a value.
double mean_over_classes(const torch::Tensor& values, const torch::Tensor& labels);

/// 1 if a relevant sample is among the first `rank`, otherwise 0 (lone queries too). The seed's e_recall@k.
torch::Tensor recall_at(const Retrieval& retrieval, std::int64_t rank);

/// The cumulative match characteristic: recall_at, but NaN for lone queries, of which no rank can be right.
///
/// Source: OML's cmc@k (open-metric-learning 4.0), whose data sets have no lone query.
torch::Tensor cmc_at(const Retrieval& retrieval, std::int64_t rank);

/// Share of relevant samples among the first `rank`.
torch::Tensor precision_at(const Retrieval& retrieval, std::int64_t rank);

/// Relevant samples among the first `rank`, as a share of those that could be there, min(R, rank): OML's precision@k.
torch::Tensor oml_precision_at(const Retrieval& retrieval, std::int64_t rank);

/// precision_at(R): the share at which precision equals recall. Lists must be as long as the largest R.
torch::Tensor r_precision(const Retrieval& retrieval);

/// 1 / the rank of the first relevant sample; 0 where the list holds none.
torch::Tensor reciprocal_rank(const Retrieval& retrieval);

/// Normalised discounted cumulative gain of the first `rank`, each relevant sample of gain 1.
///
///   nDCG = Σ_(r ≤ rank, r relevant) 1 / log2(r + 1)  /  Σ_(r ≤ min(R, rank)) 1 / log2(r + 1)
///
/// Source: Järvelin, Kekäläinen, Cumulated gain-based evaluation of IR techniques, ACM TOIS 2002; the discount of Burges et al.,
///         Learning to rank using gradient descent, ICML 2005, which scikit-learn's ndcg_score has too.
torch::Tensor ndcg_at(const Retrieval& retrieval, std::int64_t rank);

inline constexpr std::int64_t all_ranks = std::numeric_limits<std::int64_t>::max();

/// Average precision over the first `limit` ranks.
///
///   AP = 1/d Σ_(r ≤ limit, r relevant) precision@r,   d = min(R, limit)  (fixed, paper)   or   R + 1  (repo)
///
/// Source:  the seed's mAP (limit: all), mAP_lim (1023) and mAP_1000.
/// Differs: the seed divides by the size of the class, R + 1, so that perfect retrieval scores R / (R + 1), half for classes of
///          two, and gives lone queries 0; `repo` does the same. Otherwise d is the number of relevant samples that fit, so that
///          perfect retrieval scores 1. The paper prints no formula.
/// Edge:    ranks beyond the list count as misses: for all ranks the list must be the whole gallery.
torch::Tensor average_precision(const Retrieval& retrieval, std::int64_t limit = all_ranks, Variant variant = Variant::fixed);

/// MAP@R: average_precision with the limit R of each query (fixed, paper); the seed's mAP_c has the limit R + 1 and divides by R +
/// 1 (repo). Lists must be as long as the largest limit.
///
/// Source:  Musgrave, Belongie, Lim, A Metric Learning Reality Check, ECCV 2020, section 3.2.
torch::Tensor average_precision_at_r(const Retrieval& retrieval, Variant variant = Variant::fixed);

/// OML's map@k: Σ_(r ≤ rank, r relevant) precision@r, divided by the number of relevant samples found there; 0 where none is.
///
/// It asks only for the order of what was found: one hit at rank 1 and nothing more scores 1, which is why it does not bear the
/// name of the others.
torch::Tensor oml_average_precision(const Retrieval& retrieval, std::int64_t rank);

}  // namespace diva::inline v0_1
