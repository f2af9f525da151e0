#include <fmt/format.h>
#include <torch/utils.h>
#include <diva/core/checks.hpp>
#include <diva/metrics/evaluate.hpp>

#include <algorithm>
#include <optional>
#include <set>

#include "evaluation.hpp"
#include "unit_rows.hpp"

namespace diva::inline v0_1 {
namespace detail {
namespace {

constexpr auto function = "evaluate";

std::int64_t count_different(const torch::Tensor& values) { return std::get<0>(at::_unique2(values)).size(0); }

void check(const LabelledFeatures& set, const std::string& which) {
  check_embeddings(function, set.features, which + "features");
  check_labels(function, set.labels, set.features);
  if (set.features.size(0) == 0) fail<DataError>(function, which + "features", "at least one sample", "none");
  std::set<std::string> names;
  for (const auto& [name, labels] : set.levels) {
    const auto argument = fmt::format("{}levels['{}']", which, name);
    if (name.empty() || name.find('/') != std::string::npos || !names.insert(name).second) {
      fail<OptionError>(function, argument, "a name of its own, without '/'", name.empty() ? "none" : name);
    }
    if (!labels.defined() || labels.sizes() != set.labels.sizes() || labels.scalar_type() != torch::kInt64 ||
        labels.device() != set.labels.device()) {
      fail<ShapeError>(function, argument, fmt::format("labels like {}", describe(set.labels)), describe(labels));
    }
  }
}

torch::Tensor rows_of(const torch::Tensor& tensor, const torch::Tensor& rows) {
  return tensor.defined() ? tensor.index_select(0, rows) : tensor;
}

}  // namespace

Evaluation::Evaluation(LabelledFeatures queries, LabelledFeatures gallery, const EvaluateOptions& options, Generator* generator)
    : queries_(std::move(queries)), gallery_(std::move(gallery)), options_(options), generator_(generator) {
  validate_fields(function, options);
  const bool same_features = queries_.features.is_same(gallery_.features);
  check(queries_, same_features ? "" : "queries.");
  check(gallery_, same_features ? "" : "gallery.");
  one_set_ = same_features && queries_.labels.is_same(gallery_.labels) && queries_.ids.defined() &&
             queries_.ids.is_same(gallery_.ids) && count_different(queries_.ids) == num_queries();

  const auto add = [&](const std::string& name, const torch::Tensor& of_queries, const torch::Tensor& of_gallery) {
    levels_.push_back({name, of_queries, of_gallery, count_relevant(of_queries, of_gallery, queries_.ids, gallery_.ids)});
  };
  add("", queries_.labels, gallery_.labels);
  const auto same_name = [](const LabelLevel& a, const LabelLevel& b) { return a.name == b.name; };
  if (!std::ranges::equal(queries_.levels, gallery_.levels, same_name)) {
    fail<OptionError>(function, "levels", "of the same names in the same order in queries and gallery", "others");
  }
  for (std::size_t i = 0; i < queries_.levels.size(); ++i)
    add(queries_.levels[i].name, queries_.levels[i].labels, gallery_.levels[i].labels);
}

Neighbours Evaluation::search(const torch::Tensor& rows, std::int64_t k, Similarity similarity) const {
  auto options = options_.search;
  options.similarity = similarity;
  return nearest_neighbours(rows_of(queries_.features, rows), gallery_.features, k, rows_of(queries_.ids, rows), gallery_.ids,
                            options);
}

void Evaluation::visit(std::int64_t k, Similarity similarity, const NeighbourVisitor& visitor) const {
  auto options = options_.search;
  options.similarity = similarity;
  visit_neighbours(queries_.features, gallery_.features, k, visitor, queries_.ids, gallery_.ids, options);
}

Retrieval Evaluation::judge(const Neighbours& found, const torch::Tensor& rows, const Level& level) const {
  return {neighbour_hits(found.indices, level.queries.index_select(0, rows), level.gallery),
          level.relevant.index_select(0, rows.cpu())};
}

const Contingency& Evaluation::clusters(const Level& level, Similarity similarity) {
  const bool cosine = similarity == Similarity::cosine;
  const auto [place, fresh] = clusters_.try_emplace({level.name, cosine});
  if (!fresh) return place->second;
  const auto count = options_.num_clusters > 0 ? options_.num_clusters : count_different(level.gallery);
  auto& assignments = assignments_[{count, cosine}];
  if (!assignments.defined()) {
    const auto features =
        cosine ? unit_rows(function, "gallery.features", gallery_.features.to(torch::kFloat32)) : gallery_.features;
    // The first k-means draws from the caller's generator, the others repeat its draw.
    if (assignments_.size() == 1) start_ = *generator_;
    auto repeated = start_;
    const auto clustering = kmeans(features, count, assignments_.size() == 1 ? *generator_ : repeated, options_.clustering);
    assignments = clustering.assignments;
    if (cosine && options_.variant == Variant::repo) {
      assignments =
          nearest_neighbours(features, clustering.centroids, 1, {}, {}, {.similarity = Similarity::cosine}).indices.squeeze(1);
    }
  }
  return place->second = contingency(level.gallery, assignments);
}

const VerificationCurve& Evaluation::pairs(const Level& level, Similarity similarity) {
  const auto [place, fresh] = pairs_.try_emplace({level.name, similarity});
  if (!fresh) return place->second;
  const VerificationOptions options{.similarity = similarity};
  if (one_set_) return place->second = verification_curve(gallery_.features, level.gallery, options);
  return place->second = verification_curve({.features = queries_.features, .labels = level.queries, .ids = queries_.ids},
                                            {.features = gallery_.features, .labels = level.gallery, .ids = gallery_.ids}, options);
}

const torch::Tensor& Evaluation::spectrum() {
  if (!spectrum_.defined()) spectrum_ = singular_spectrum(gallery_.features, options_.variant);
  return spectrum_;
}

namespace {

// The values of single queries for each metric that has some; undefined for the others.
std::vector<torch::Tensor> judge_queries(const Evaluation& evaluation, const std::vector<Metric>& metrics) {
  std::vector<torch::Tensor> values(metrics.size());
  for (const auto similarity : {Similarity::euclidean, Similarity::cosine, Similarity::dot}) {
    std::vector<std::size_t> concerned;
    std::int64_t k = 0;
    for (std::size_t m = 0; m < metrics.size(); ++m) {
      if (!metrics[m].judge || metrics[m].similarity != similarity) continue;
      concerned.push_back(m);
      k = std::max(k, metrics[m].ranks(evaluation, metrics[m].level_of(evaluation)));
      values[m] = torch::empty({evaluation.num_queries()}, torch::kFloat64);
    }
    if (k == 0) continue;
    k = std::min(k, evaluation.gallery_size() + 1);  // one rank more, for the seed's mAP_c counts the query with its class
    evaluation.visit(k, similarity, [&](const torch::Tensor& rows, const Neighbours& found) {
      std::vector<std::optional<Retrieval>> judged(evaluation.levels().size());
      for (const auto m : concerned) {
        auto& retrieval = judged[metrics[m].level];
        if (!retrieval) retrieval = evaluation.judge(found, rows, metrics[m].level_of(evaluation));
        values[m].index_copy_(0, rows.cpu(), metrics[m].judge(evaluation, metrics[m], rows, *retrieval));
      }
    });
  }
  return values;
}

std::vector<Metric> make_metrics(const std::vector<std::string>& names, const Evaluation& evaluation) {
  std::vector<Metric> metrics;
  metrics.reserve(names.size());
  for (const auto& name : names) metrics.push_back(make_metric(name, evaluation));
  return metrics;
}

MetricValues compute(Evaluation evaluation, const std::vector<std::string>& names) {
  const torch::NoGradGuard no_gradient;
  const auto metrics = make_metrics(names, evaluation);
  const auto values = judge_queries(evaluation, metrics);
  const bool by_class = evaluation.options().average == Average::classes;
  MetricValues result;
  for (std::size_t m = 0; m < metrics.size(); ++m) {
    if (!metrics[m].judge) {
      result.emplace_back(names[m], metrics[m].whole(evaluation, metrics[m]));
    } else {
      const auto& labels = metrics[m].level_of(evaluation).queries;
      result.emplace_back(names[m], by_class ? mean_over_classes(values[m], labels) : mean_over_queries(values[m]));
    }
  }
  return result;
}

QueryValues compute_queries(const Evaluation& evaluation, const std::vector<std::string>& names) {
  const torch::NoGradGuard no_gradient;
  const auto metrics = make_metrics(names, evaluation);
  for (std::size_t m = 0; m < metrics.size(); ++m) {
    if (!metrics[m].judge)
      fail<OptionError>("evaluate_queries", "metrics", "metrics of neighbours, which single queries have", names[m]);
  }
  const auto values = judge_queries(evaluation, metrics);
  QueryValues result;
  for (std::size_t m = 0; m < metrics.size(); ++m) result.emplace_back(names[m], values[m]);
  return result;
}

// Each sample is itself and nothing else.
LabelledFeatures one_set(const torch::Tensor& features, const torch::Tensor& labels) {
  LabelledFeatures set{.features = features, .labels = labels, .ids = {}};
  check(set, "");
  set.ids = torch::arange(labels.size(0), labels.options());
  return set;
}

}  // namespace
}  // namespace detail

MetricValues evaluate(const torch::Tensor& features, const torch::Tensor& labels, const std::vector<std::string>& metrics,
                      Generator& generator, const EvaluateOptions& options) {
  const auto set = detail::one_set(features, labels);
  return detail::compute(detail::Evaluation(set, set, options, &generator), metrics);
}

MetricValues evaluate(const LabelledFeatures& queries, const LabelledFeatures& gallery, const std::vector<std::string>& metrics,
                      Generator& generator, const EvaluateOptions& options) {
  return detail::compute(detail::Evaluation(queries, gallery, options, &generator), metrics);
}

QueryValues evaluate_queries(const torch::Tensor& features, const torch::Tensor& labels, const std::vector<std::string>& metrics,
                             const EvaluateOptions& options) {
  const auto set = detail::one_set(features, labels);
  return detail::compute_queries(detail::Evaluation(set, set, options, nullptr), metrics);
}

QueryValues evaluate_queries(const LabelledFeatures& queries, const LabelledFeatures& gallery,
                             const std::vector<std::string>& metrics, const EvaluateOptions& options) {
  return detail::compute_queries(detail::Evaluation(queries, gallery, options, nullptr), metrics);
}

}  // namespace diva::inline v0_1
