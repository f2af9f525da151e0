#pragma once

#include <torch/types.h>
#include <diva/core/options.hpp>

#include <cstdint>

namespace diva::inline v0_1 {

struct QueryExpansionOptions {
  std::int64_t neighbours = 10;  ///< n: gallery rows averaged into each query; fewer where the gallery has no more.
  double alpha = 0;  ///< α ≥ 0: weight (cosine)^α of a neighbour; 0 is the plain average, the αQE paper takes 3 (n = 50).
};

template <class Visitor>
void describe(QueryExpansionOptions& options, Visitor&& visit) {
  visit("neighbours", options.neighbours, "n: gallery rows averaged into each query", at_least(1));
  visit("alpha", options.alpha, "α: neighbours weigh cosine^α; 0: all alike", non_negative);
}

/// Each query averaged with its nearest gallery rows, to be searched with once more.
///
///   q' = (q + Σ_(i ≤ n) w_i x_i) / |…|,   w_i = max(q · x_i, 0)^α  (0^0 = 1),   q and x of length 1
///
/// Source:  average, α = 0: Chum et al., Total Recall: Automatic Query Expansion with a Generative Feature Model for Object
///          Retrieval, ICCV 2007, without its spatial verification. α-weighted: Radenović, Tolias, Chum, Fine-tuning CNN Image
///          Retrieval with No Human Annotation, TPAMI 2018; arXiv 1711.02512.
/// Differs: rows are scaled to length 1 first. A negative cosine, which has no power α, weighs 0.
/// Shapes:  queries [Q, D], gallery [N, D], of one floating type and on one device; ids as nearest_neighbours takes them: a query
///          does not count itself twice where it is in the gallery -> [Q, D], of length 1.
/// Edge:    no neighbour, or a sum of length 0: the query itself, of length 1. α = 1, n = 1, q · x = c: q' ∝ q + c x.
/// Cost:    that of nearest_neighbours plus O(Q n D) time; a block of 32 MiB besides the lists and the result.
/// Throws:  as nearest_neighbours under cosine: ShapeError, DataError (rows of length 0 among others); OptionError.
torch::Tensor expand_queries(const torch::Tensor& queries, const torch::Tensor& gallery, const torch::Tensor& query_ids = {},
                             const torch::Tensor& gallery_ids = {}, const QueryExpansionOptions& options = {});

/// Database-side augmentation: each row of a gallery averaged in the same way with its nearest other rows.
///
/// Source:  Turcot, Lowe, Better matching with fewer features, ICCV Workshops 2009; for global features: Arandjelović,
///          Zisserman, Three things everyone should know to improve object retrieval, CVPR 2012.
/// Shapes:  features [N, D] -> [N, D], of length 1. The rest as expand_queries.
torch::Tensor augment_database(const torch::Tensor& features, const QueryExpansionOptions& options = {});

}  // namespace diva::inline v0_1
