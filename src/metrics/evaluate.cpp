#include <fmt/format.h>
#include <torch/utils.h>
#include <diva/core/checks.hpp>
#include <diva/metrics/clustering_metrics.hpp>
#include <diva/metrics/embedding_metrics.hpp>
#include <diva/metrics/evaluate.hpp>
#include <diva/metrics/neighbour_metrics.hpp>

#include <algorithm>
#include <charconv>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string_view>

namespace diva {
namespace {

constexpr auto function = "evaluate";
constexpr std::int64_t seed_limit = 1023;                       // rank limit of the seed's mAP_lim
constexpr std::int64_t listed_at_once = std::int64_t{1} << 22;  // neighbours held for a block of queries

// What the metrics are made from; neighbours come block by block.
struct Evaluation {
  LabelledFeatures queries, gallery;
  torch::Tensor relevant;
  EvaluateOptions options;
  Generator& generator;

  std::optional<Contingency> clusters;
  std::optional<ClassDistances> distances;
  torch::Tensor spectrum;

  const Contingency& clustered() {
    if (!clusters) {
      const auto chosen = options.num_clusters;
      const auto count = chosen > 0 ? chosen : std::get<0>(at::_unique2(gallery.labels)).size(0);
      clusters = contingency(gallery.labels, kmeans(gallery.features, count, generator, options.clustering).assignments);
    }
    return *clusters;
  }
  const ClassDistances& measured() {
    if (!distances) distances = class_distances(gallery.features, gallery.labels);
    return *distances;
  }
  const torch::Tensor& spectral() {
    if (!spectrum.defined()) spectrum = singular_spectrum(gallery.features, options.variant);
    return spectrum;
  }
  [[nodiscard]] torch::Tensor sliced(const torch::Tensor& tensor, const torch::Tensor& rows) const {
    return tensor.defined() ? tensor.index_select(0, rows) : tensor;
  }
  // Of the queries in `rows` (on the features' device).
  [[nodiscard]] Retrieval retrieve(const torch::Tensor& rows, std::int64_t k) const {
    const auto found = nearest_neighbours(queries.features.index_select(0, rows), gallery.features, k, sliced(queries.ids, rows),
                                          gallery.ids, options.search);
    return {neighbour_hits(found.indices, queries.labels.index_select(0, rows), gallery.labels),
            relevant.index_select(0, rows.cpu())};
  }
};

using Rows = torch::Tensor;

// A metric: either of neighbour lists, one value a query, or of everything at once.
struct Metric {
  std::function<std::int64_t(const Evaluation&)> ranks;  // how long the lists must be
  std::function<torch::Tensor(const Evaluation&, const Rows&, const Retrieval&)> judge;
  std::function<double(Evaluation&)> whole;
};

std::int64_t largest_class(const Evaluation& evaluation) {
  return std::max<std::int64_t>(1, evaluation.relevant.max().item<std::int64_t>());
}

template <class Judge>
Metric by_lists(std::function<std::int64_t(const Evaluation&)> ranks, Judge judge) {
  return {.ranks = std::move(ranks),
          .judge = [judge](const Evaluation& e, const Rows&, const Retrieval& r) { return judge(e, r); },
          .whole = {}};
}

template <class Judge>
Metric by_lists(std::int64_t ranks, Judge judge) {
  return by_lists([ranks](const Evaluation&) { return ranks; }, std::move(judge));
}

Metric by_all(std::function<double(Evaluation&)> whole) { return {.ranks = {}, .judge = {}, .whole = std::move(whole)}; }

Metric recall(std::int64_t rank) {
  return by_lists(rank, [=](const Evaluation&, const Retrieval& r) { return recall_at(r, rank); });
}

Metric limited_precision(std::int64_t limit) {
  return by_lists([=](const Evaluation& e) { return std::min(limit, e.gallery.features.size(0)); },
                  [=](const Evaluation& e, const Retrieval& r) { return average_precision(r, limit, e.options.variant); });
}

// Most queries meet their class early; the few that do not are searched again with longer lists.
torch::Tensor reciprocal_ranks(const Evaluation& evaluation, const Rows& rows, const Retrieval& retrieval) {
  auto values = reciprocal_rank(retrieval);
  const auto pending = (values == 0).nonzero().flatten();
  const auto length = retrieval.hits.size(1);
  if (pending.size(0) == 0 || length >= evaluation.gallery.features.size(0)) return values;
  const auto left = rows.index_select(0, pending.to(rows.device()));
  const auto longer = std::min(8 * length, evaluation.gallery.features.size(0));
  // Longer lists, fewer queries at once.
  std::vector<torch::Tensor> parts;
  for (const auto& part : left.split(std::max<std::int64_t>(1, listed_at_once / longer))) {
    parts.push_back(reciprocal_ranks(evaluation, part, evaluation.retrieve(part, longer)));
  }
  return values.index_copy_(0, pending, torch::cat(parts));
}

// `make` gets the number that stands in the name in place of the form's last letter, K (at least 1) or M (not 0), if there is one.
struct Form {
  MetricForm text;
  std::function<Metric(std::int64_t)> make;
};

const std::vector<Form>& forms() {
  static const std::vector<Form> all = {
      {{"recall@K", "share of queries with one of their class among the K nearest"}, recall},
      {{"e_recall@K", "the seed's name for recall@K"}, recall},
      {{"precision@K", "share of the K nearest that are of the query's class"},
       [](std::int64_t rank) {
         return by_lists(rank, [=](const Evaluation&, const Retrieval& r) { return precision_at(r, rank); });
       }},
      {{"r_precision", "precision@R, R = others of the query's class"},
       [](std::int64_t) { return by_lists(largest_class, [](const Evaluation&, const Retrieval& r) { return r_precision(r); }); }},
      {{"mrr", "mean reciprocal rank of the first of the query's class"},
       [](std::int64_t) { return Metric{.ranks = [](const Evaluation&) { return 16; }, .judge = reciprocal_ranks, .whole = {}}; }},
      {{"map@r", "mean average precision at R"},
       [](std::int64_t) {
         return by_lists(largest_class, [](const Evaluation&, const Retrieval& r) { return average_precision_at_r(r); });
       }},
      {{"mAP", "mean average precision over all ranks"}, [](std::int64_t) { return limited_precision(all_ranks); }},
      {{"mAP_c", "mean average precision over as many ranks as the class has members"},
       [](std::int64_t) {
         return by_lists([](const Evaluation& e) { return largest_class(e) + 1; },
                         [](const Evaluation& e, const Retrieval& r) { return average_precision_at_r(r, e.options.variant); });
       }},
      {{"mAP_lim", "mean average precision over 1023 ranks"}, [](std::int64_t) { return limited_precision(seed_limit); }},
      {{"mAP_K", "mean average precision over K ranks"}, limited_precision},
      {{"nmi", "normalised mutual information of classes and k-means clusters"},
       [](std::int64_t) { return by_all([](Evaluation& e) { return nmi(e.clustered()); }); }},
      {{"ami", "the same, adjusted for chance"},
       [](std::int64_t) { return by_all([](Evaluation& e) { return ami(e.clustered()); }); }},
      {{"f1", "pairwise F1 of classes and k-means clusters"},
       [](std::int64_t) { return by_all([](Evaluation& e) { return pairwise_f1(e.clustered()); }); }},
      {{"dists@intra", "mean cosine distance in classes"},
       [](std::int64_t) { return by_all([](Evaluation& e) { return e.measured().intra; }); }},
      {{"dists@inter", "mean cosine distance between class means"},
       [](std::int64_t) { return by_all([](Evaluation& e) { return e.measured().inter; }); }},
      {{"dists@intra_over_inter", "the ratio of the two"},
       [](std::int64_t) { return by_all([](Evaluation& e) { return e.measured().intra_over_inter(); }); }},
      {{"rho_spectrum@M", "distance of the singular values from a flat spectrum; M = 1, 2, … or -1, -2, …"},
       [](std::int64_t mode) { return by_all([=](Evaluation& e) { return rho_spectrum(e.spectral(), mode); }); }},
  };
  return all;
}

Metric make_metric(const std::string& name) {
  for (const auto& [text, make] : forms()) {
    const char last = text.name.back();
    if (last != 'K' && last != 'M') {
      if (name == text.name) return make(0);
      continue;
    }
    const auto stem = text.name.substr(0, text.name.size() - 1);
    if (!name.starts_with(stem)) continue;
    std::int64_t number = 0;
    const auto* end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data() + stem.size(), end, number);
    if (error == std::errc() && stop == end && (number > 0 || (last == 'M' && number < 0))) return make(number);
  }
  std::vector<std::string> known;
  for (const auto& form : forms()) known.push_back(form.text.name);
  detail::fail_unknown(function, "metrics", name, known);
}

void check(const LabelledFeatures& set, const char* which) {
  detail::check_embeddings(function, set.features, fmt::format("{}features", which));
  detail::check_labels(function, set.labels, set.features);
  if (set.features.size(0) == 0) detail::fail<DataError>(function, fmt::format("{}features", which), "at least one sample", "none");
}

MetricValues compute(Evaluation evaluation, const std::vector<std::string>& names) {
  std::vector<Metric> metrics;
  for (const auto& name : names) metrics.push_back(make_metric(name));
  validate_fields(function, evaluation.options);
  const torch::NoGradGuard no_gradient;
  evaluation.relevant =
      count_relevant(evaluation.queries.labels, evaluation.gallery.labels, evaluation.queries.ids, evaluation.gallery.ids);

  std::int64_t k = 0;
  for (const auto& metric : metrics) {
    if (metric.judge) k = std::max(k, metric.ranks(evaluation));
  }
  std::vector<std::vector<torch::Tensor>> values(metrics.size());
  if (k > 0) {
    const auto all = torch::arange(evaluation.queries.features.size(0), evaluation.queries.labels.options());
    for (const auto& rows : all.split(std::clamp<std::int64_t>(listed_at_once / k, 1, 8192))) {
      const auto retrieval = evaluation.retrieve(rows, k);
      for (std::size_t m = 0; m < metrics.size(); ++m) {
        if (metrics[m].judge) values[m].push_back(metrics[m].judge(evaluation, rows, retrieval));
      }
    }
  }
  MetricValues result;
  for (std::size_t m = 0; m < metrics.size(); ++m) {
    result.emplace_back(names[m], metrics[m].judge ? mean_over_queries(torch::cat(values[m])) : metrics[m].whole(evaluation));
  }
  return result;
}

}  // namespace

const std::vector<MetricForm>& metric_forms() {
  static const auto texts = [] {
    std::vector<MetricForm> result;
    for (const auto& form : forms()) result.push_back(form.text);
    return result;
  }();
  return texts;
}

MetricValues evaluate(const torch::Tensor& features, const torch::Tensor& labels, const std::vector<std::string>& metrics,
                      Generator& generator, const EvaluateOptions& options) {
  LabelledFeatures set{.features = features, .labels = labels, .ids = {}};
  check(set, "");
  set.ids = torch::arange(labels.size(0), labels.options());
  return compute({.queries = set,
                  .gallery = set,
                  .relevant = {},
                  .options = options,
                  .generator = generator,
                  .clusters = {},
                  .distances = {},
                  .spectrum = {}},
                 metrics);
}

MetricValues evaluate(const LabelledFeatures& queries, const LabelledFeatures& gallery, const std::vector<std::string>& metrics,
                      Generator& generator, const EvaluateOptions& options) {
  check(queries, "queries.");
  check(gallery, "gallery.");
  return compute({.queries = queries,
                  .gallery = gallery,
                  .relevant = {},
                  .options = options,
                  .generator = generator,
                  .clusters = {},
                  .distances = {},
                  .spectrum = {}},
                 metrics);
}

}  // namespace diva
