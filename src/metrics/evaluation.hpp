#pragma once

#include <diva/metrics/clustering_metrics.hpp>
#include <diva/metrics/embedding_metrics.hpp>
#include <diva/metrics/evaluate.hpp>
#include <diva/metrics/neighbour_metrics.hpp>
#include <diva/metrics/verification.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace diva::inline v0_1::detail {

/// Neighbours held at once for a block of queries.
inline constexpr std::int64_t listed_at_once = std::int64_t{1} << 22;

/// The labels that a metric judges by, on the features' device.
struct Level {
  std::string name;
  torch::Tensor queries, gallery;
  torch::Tensor relevant;  ///< [Q] int64 on the CPU: R.
};

/// What all metrics of one call are made of: neighbours come block by block, everything else is made at its first use and kept.
class Evaluation {
 public:
  Evaluation(LabelledFeatures queries, LabelledFeatures gallery, const EvaluateOptions& options, Generator* generator);

  [[nodiscard]] const EvaluateOptions& options() const { return options_; }
  [[nodiscard]] const std::vector<Level>& levels() const { return levels_; }
  [[nodiscard]] std::int64_t num_queries() const { return queries_.features.size(0); }
  [[nodiscard]] std::int64_t gallery_size() const { return gallery_.features.size(0); }
  [[nodiscard]] const torch::Tensor& gallery_features() const { return gallery_.features; }

  /// Neighbours of all queries, block by block.
  void visit(std::int64_t k, Similarity similarity, const NeighbourVisitor& visitor) const;
  /// Neighbours of the queries in `rows` [n] int64.
  [[nodiscard]] Neighbours search(const torch::Tensor& rows, std::int64_t k, Similarity similarity) const;
  [[nodiscard]] Retrieval judge(const Neighbours& found, const torch::Tensor& rows, const Level& level) const;

  const Contingency& clusters(const Level& level, Similarity similarity);
  const VerificationCurve& pairs(const Level& level, Similarity similarity);
  const torch::Tensor& spectrum();

 private:
  LabelledFeatures queries_, gallery_;
  EvaluateOptions options_;
  Generator* generator_;  // null where no metric may draw
  bool one_set_;          // all pairs are those of one set, each in both orders
  std::vector<Level> levels_;
  std::map<std::pair<std::int64_t, bool>, torch::Tensor> assignments_;  // by the number of clusters, and whether by cosine
  std::map<std::pair<std::string, bool>, Contingency> clusters_;
  std::map<std::pair<std::string, Similarity>, VerificationCurve> pairs_;
  torch::Tensor spectrum_;
  Generator start_;  // of every k-means
};

/// One metric that was asked for.
struct Metric {
  /// Of neighbour lists, one value a query: how long lists must be, at most, and what becomes of them.
  std::function<std::int64_t(const Evaluation&, const Level&)> ranks = {};
  std::function<torch::Tensor(const Evaluation&, const Metric&, const torch::Tensor& rows, const Retrieval&)> judge = {};
  /// Or of everything at once.
  std::function<double(Evaluation&, const Metric&)> whole = {};

  Similarity similarity = Similarity::euclidean;
  std::size_t level = 0;

  [[nodiscard]] const Level& level_of(const Evaluation& evaluation) const { return evaluation.levels()[level]; }
};

/// The metric of that name; OptionError when there is none.
Metric make_metric(const std::string& name, const Evaluation& evaluation);

}  // namespace diva::inline v0_1::detail
