#pragma once

#include <torch/types.h>
#include <diva/metrics/evaluate.hpp>

namespace diva::inline v0_1 {

/// Samples of one set that play different parts in its evaluation. All but features and labels may be undefined.
struct EvaluationSamples {
  torch::Tensor features = {};    ///< [N, D] floating point.
  torch::Tensor labels = {};      ///< [N] int64.
  torch::Tensor ids = {};         ///< [N] int64: samples of one id are the same one; undefined: all differ.
  torch::Tensor sequences = {};   ///< [N] int64: frames of one sequence are too alike to be found by each other; negative: of none.
  torch::Tensor is_query = {};    ///< [N]: not 0 for queries; undefined: all are.
  torch::Tensor is_gallery = {};  ///< [N]: not 0 for what is searched; undefined: all are. A sample may be both, or neither.
};

struct EvaluationSets {
  LabelledFeatures queries, gallery;
};

/// Queries and gallery as `evaluate` takes them: no query meets itself, nor a sample of its id, nor one of its sequence.
///
///   const auto sets = evaluation_sets({.features = features, .labels = labels, .sequences = tracks});
///   evaluate(sets.queries, sets.gallery, {"recall@1"}, generator);
///
/// Source:  protocols of In-Shop (a query and a gallery list) and of person re-identification (frames of the query's own track are
///          ignored).
/// Edge:    features of a part that lies in one piece (all, or rows from … to) are a view; of others, a copy.
/// Cost:    O(N log N), and that copy.
/// Throws:  ShapeError; DataError (samples of one id in two sequences, no query, no gallery).
EvaluationSets evaluation_sets(const EvaluationSamples& samples);

/// The same of two sets, whose roles are clear. They may share samples, told by `ids` of both, and sequences of both.
/// Throws:  as above; OptionError (ids or sequences of one side only, roles).
EvaluationSets evaluation_sets(const EvaluationSamples& queries, const EvaluationSamples& gallery);

}  // namespace diva::inline v0_1
