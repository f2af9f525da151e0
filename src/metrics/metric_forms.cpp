#include <fmt/format.h>
#include <torch/types.h>
#include <diva/core/options.hpp>

#include <algorithm>
#include <charconv>

#include "evaluation.hpp"

namespace diva::inline v0_1 {
namespace detail {
namespace {

constexpr auto function = "evaluate";
constexpr std::int64_t seed_limit = 1023;  // rank limit of the seed's mAP_lim

// What stands in a name in the place of the form's last letter.
struct Number {
  std::int64_t integer = 0;
  double share = 0;
};

struct Form {
  MetricForm text;
  std::function<Metric(const Number&)> make;
  // By what is measured: by the options' similarity, or by Euclidean distances in k-means, both by cosine with "c_"; or by neither.
  enum class By { similarity, clusters, features } by = By::similarity;

  // The letter in whose place a number stands, or 0.
  [[nodiscard]] char letter() const {
    const auto size = text.name.size();
    const bool open = size > 1 && (text.name[size - 2] == '@' || text.name[size - 2] == '_');
    return open && std::string_view("KMP").find(text.name[size - 1]) != std::string_view::npos ? text.name[size - 1] : '\0';
  }
};

std::int64_t largest_relevant(const Level& level) { return std::max<std::int64_t>(1, level.relevant.max().item<std::int64_t>()); }

// `judge` gets a list and the rank, which is at most the length of the list.
template <class Judge>
Metric up_to(std::int64_t rank, Judge judge) {
  return {.ranks = [=](const Evaluation&, const Level&) { return rank; },
          .judge = [=](const Evaluation& e, const Metric&, const torch::Tensor&,
                       const Retrieval& r) { return judge(e, r, std::min(rank, r.hits.size(1))); }};
}

// Lists as long as the largest class.
template <class Judge>
Metric up_to_r(Judge judge) {
  return {.ranks = [](const Evaluation&, const Level& level) { return largest_relevant(level) + 1; },
          .judge = [=](const Evaluation& e, const Metric&, const torch::Tensor&, const Retrieval& r) { return judge(e, r); }};
}

template <class Compute>
Metric of_all(Compute compute) {
  return {
      .whole = [=](Evaluation& e, const Metric& metric) -> double { return compute(e, metric.level_of(e), metric.similarity); }};
}

template <class Compute>
Metric of_clusters(Compute compute) {
  return of_all([=](Evaluation& e, const Level& level, Similarity similarity) { return compute(e.clusters(level, similarity)); });
}

Metric mutual_information(EntropyMean mean) {
  return of_clusters([=](const Contingency& table) { return nmi(table, mean); });
}

template <class Compute>
Metric of_pairs(Compute compute) {
  return of_all([=](Evaluation& e, const Level& level, Similarity similarity) { return compute(e.pairs(level, similarity)); });
}

Metric of_distances(double (*compute)(const ClassDistances&)) {
  return of_all(
      [=](Evaluation& e, const Level& level, Similarity) { return compute(class_distances(e.gallery_features(), level.gallery)); });
}

Metric recall(const Number& number) {
  return up_to(number.integer, [](const Evaluation&, const Retrieval& r, std::int64_t rank) { return recall_at(r, rank); });
}

// The list may be shorter than the rank, when it holds all that there is.
Metric precision(std::int64_t asked) {
  return up_to(asked, [asked](const Evaluation&, const Retrieval& r, std::int64_t rank) {
    const auto values = precision_at(r, rank);
    return rank == asked ? values : values * static_cast<double>(rank) / static_cast<double>(asked);
  });
}

Metric limited_precision(std::int64_t limit) {
  return up_to(limit, [limit](const Evaluation& e, const Retrieval& r, std::int64_t) {
    return average_precision(r, limit, e.options().variant);
  });
}

Metric fixed_precision() {
  return up_to(all_ranks, [](const Evaluation&, const Retrieval& r, std::int64_t) { return average_precision(r); });
}

Metric precision_at_r() {
  return up_to_r([](const Evaluation&, const Retrieval& r) { return average_precision_at_r(r); });
}

// Most queries meet their class early; the few that do not are searched again with longer lists.
torch::Tensor reciprocal_ranks(const Evaluation& evaluation, const Metric& metric, const torch::Tensor& rows,
                               const Retrieval& retrieval) {
  auto values = reciprocal_rank(retrieval);
  const auto pending = (values == 0).nonzero().flatten();
  const auto length = retrieval.hits.size(1);
  if (pending.size(0) == 0 || length >= evaluation.gallery_size()) return values;
  const auto left = rows.index_select(0, pending.to(rows.device()));
  const auto longer = std::min(8 * length, evaluation.gallery_size());
  // Longer lists, fewer queries at once.
  std::vector<torch::Tensor> parts;
  for (const auto& part : left.split(std::max<std::int64_t>(1, listed_at_once / longer))) {
    const auto found = evaluation.search(part, longer, metric.similarity);
    parts.push_back(reciprocal_ranks(evaluation, metric, part, evaluation.judge(found, part, metric.level_of(evaluation))));
  }
  return values.index_copy_(0, pending, torch::cat(parts));
}

Metric mean_reciprocal_rank() {
  return {.ranks = [](const Evaluation&, const Level&) { return 16; }, .judge = reciprocal_ranks};
}

std::vector<Form> own_forms() {
  constexpr auto clusters = Form::By::clusters, features = Form::By::features;
  return {
      {{"recall@K", "share of queries with one of their class among the K nearest"}, recall},
      {{"e_recall@K", "the seed's name for recall@K"}, recall},
      {{"cmc@K", "recall@K without queries that are alone in their class"},
       [](const Number& number) {
         return up_to(number.integer, [](const Evaluation&, const Retrieval& r, std::int64_t rank) { return cmc_at(r, rank); });
       }},
      {{"precision@K", "share of the K nearest that are of the query's class"},
       [](const Number& number) { return precision(number.integer); }},
      {{"r_precision", "precision@R, R = others of the query's class"},
       [](const Number&) { return up_to_r([](const Evaluation&, const Retrieval& r) { return r_precision(r); }); }},
      {{"mrr", "mean reciprocal rank of the first of the query's class"}, [](const Number&) { return mean_reciprocal_rank(); }},
      {{"ndcg@K", "normalised discounted cumulative gain of the K nearest"},
       [](const Number& number) {
         return up_to(number.integer, [](const Evaluation&, const Retrieval& r, std::int64_t rank) { return ndcg_at(r, rank); });
       }},
      {{"map@r", "mean average precision at R"}, [](const Number&) { return precision_at_r(); }},
      {{"mAP", "mean average precision over all ranks"}, [](const Number&) { return limited_precision(all_ranks); }},
      {{"mAP_c", "mean average precision over as many ranks as the class has members"},
       [](const Number&) {
         return up_to_r([](const Evaluation& e, const Retrieval& r) { return average_precision_at_r(r, e.options().variant); });
       }},
      {{"mAP_lim", "mean average precision over 1023 ranks"}, [](const Number&) { return limited_precision(seed_limit); }},
      {{"mAP_K", "mean average precision over K ranks"}, [](const Number& number) { return limited_precision(number.integer); }},
      {{"oml_map@K", "OML's map@k: precision at each hit among the K nearest, mean over those hits"},
       [](const Number& number) {
         return up_to(number.integer,
                      [](const Evaluation&, const Retrieval& r, std::int64_t rank) { return oml_average_precision(r, rank); });
       }},
      {{"oml_precision@K", "OML's precision@k: hits among the K nearest of those that could be"},
       [](const Number& number) {
         return up_to(number.integer,
                      [](const Evaluation&, const Retrieval& r, std::int64_t rank) { return oml_precision_at(r, rank); });
       }},
      {{"nmi", "normalised mutual information of classes and k-means clusters"},
       [](const Number&) { return mutual_information(EntropyMean::arithmetic); },
       clusters},
      {{"nmi_geometric", "nmi by the geometric mean of the entropies"},
       [](const Number&) { return mutual_information(EntropyMean::geometric); },
       clusters},
      {{"nmi_min", "nmi by the smaller of the entropies"},
       [](const Number&) { return mutual_information(EntropyMean::minimum); },
       clusters},
      {{"nmi_max", "nmi by the larger of the entropies"},
       [](const Number&) { return mutual_information(EntropyMean::maximum); },
       clusters},
      {{"ami", "nmi adjusted for chance"}, [](const Number&) { return of_clusters(ami); }, clusters},
      {{"f1", "pairwise F1 of classes and k-means clusters"}, [](const Number&) { return of_clusters(pairwise_f1); }, clusters},
      {{"auc", "chance that a pair of one class is nearer than one of two"},
       [](const Number&) { return of_pairs(area_under_roc); }},
      {{"eer", "rate at which as many pairs of one class are missed as of two are matched"},
       [](const Number&) { return of_pairs(equal_error_rate); }},
      {{"fnmr@P", "share of pairs of one class that are missed where at most P of the others match"},
       [](const Number& number) {
         return of_pairs([rate = number.share](const VerificationCurve& curve) { return fnmr_at_fmr(curve, rate); });
       }},
      {{"dists@intra", "mean cosine distance in classes"},
       [](const Number&) { return of_distances([](const ClassDistances& d) { return d.intra; }); },
       features},
      {{"dists@inter", "mean cosine distance between class means"},
       [](const Number&) { return of_distances([](const ClassDistances& d) { return d.inter; }); },
       features},
      {{"dists@intra_over_inter", "the ratio of the two"},
       [](const Number&) { return of_distances([](const ClassDistances& d) { return d.intra_over_inter(); }); },
       features},
      {{"alignment", "mean squared distance of pairs of one class on the unit sphere"},
       [](const Number&) {
         return of_all(
             [](Evaluation& e, const Level& level, Similarity) { return alignment(e.gallery_features(), level.gallery); });
       },
       features},
      {{"uniformity", "log of the mean Gaussian affinity of all pairs on the unit sphere"},
       [](const Number&) {
         return of_all([](Evaluation& e, const Level&, Similarity) { return uniformity(e.gallery_features()); });
       },
       features},
      {{"rho_spectrum@M", "distance of the singular values from a flat spectrum; M = 1, 2, … or -1, -2, …"},
       [](const Number& number) {
         return of_all(
             [mode = number.integer](Evaluation& e, const Level&, Similarity) { return rho_spectrum(e.spectrum(), mode); });
       },
       features},
      {{"pcf@P", "principal components that hold the share P of the variance, as a share of the dimensions"},
       [](const Number& number) {
         return of_all([share = number.share](Evaluation& e, const Level&, Similarity) {
           return principal_component_fraction(e.gallery_features(), share);
         });
       },
       features},
  };
}

std::vector<Form> foreign_forms() {
  const auto named = [](const char* name, const char* ours, Metric (*make)(), Form::By by = Form::By::similarity) {
    return Form{{name, fmt::format("pytorch-metric-learning's name for {}", ours)}, [=](const Number&) { return make(); }, by};
  };
  return {
      named("precision_at_1", "precision@1", [] { return precision(1); }),
      named("mean_reciprocal_rank", "mrr", mean_reciprocal_rank),
      named("mean_average_precision", "mAP", fixed_precision),
      named("mean_average_precision_at_r", "map@r", precision_at_r),
      named(
          "NMI", "nmi", [] { return mutual_information(EntropyMean::arithmetic); }, Form::By::clusters),
      named(
          "AMI", "ami", [] { return of_clusters(ami); }, Form::By::clusters),
  };
}

const std::vector<Form>& forms() {
  static const auto all = [] {
    auto result = own_forms();
    for (const auto& form : own_forms()) {
      if (form.by == Form::By::features || form.text.name == "e_recall@K") continue;
      auto cosine = form;
      cosine.text = {"c_" + form.text.name, fmt::format("{}, by cosine", form.text.name)};
      cosine.make = [make = form.make](const Number& number) {
        auto metric = make(number);
        metric.similarity = Similarity::cosine;
        return metric;
      };
      result.push_back(std::move(cosine));
    }
    for (auto& form : foreign_forms()) result.push_back(std::move(form));
    return result;
  }();
  return all;
}

// Does the whole text stand for a number that the letter admits?
bool read_number(std::string_view text, char letter, Number& number) {
  const auto* end = text.data() + text.size();
  if (letter == 'P') {
    const auto [stop, error] = std::from_chars(text.data(), end, number.share);
    return error == std::errc() && stop == end && number.share > 0 && number.share <= 1;
  }
  const auto [stop, error] = std::from_chars(text.data(), end, number.integer);
  return error == std::errc() && stop == end && (number.integer > 0 || (letter == 'M' && number.integer < 0));
}

std::size_t find_level(const std::string& name, const Evaluation& evaluation) {
  std::vector<std::string> known;
  for (std::size_t level = 1; level < evaluation.levels().size(); ++level) {
    if (evaluation.levels()[level].name == name) return level;
    known.push_back(evaluation.levels()[level].name);
  }
  fail_unknown(function, "level of labels", name, known);
}

}  // namespace

Metric make_metric(const std::string& asked, const Evaluation& evaluation) {
  const auto slash = asked.find('/');
  const auto name = asked.substr(0, slash);
  const auto level = slash == std::string::npos ? 0 : find_level(asked.substr(slash + 1), evaluation);
  for (const auto& form : forms()) {
    const char letter = form.letter();
    const auto stem = std::string_view(form.text.name).substr(0, form.text.name.size() - (letter == '\0' ? 0 : 1));
    Number number;
    const bool found = letter == '\0'
                           ? name == stem
                           : name.starts_with(stem) && read_number(std::string_view(name).substr(stem.size()), letter, number);
    if (!found) continue;
    auto metric = form.make(number);
    if (form.by == Form::By::similarity && metric.similarity != Similarity::cosine)
      metric.similarity = evaluation.options().search.similarity;
    metric.level = level;
    return metric;
  }
  std::vector<std::string> known;
  for (const auto& form : forms()) known.push_back(form.text.name);
  fail_unknown(function, "metrics", name, known);
}

}  // namespace detail

const std::vector<MetricForm>& metric_forms() {
  static const auto texts = [] {
    std::vector<MetricForm> result;
    for (const auto& form : detail::forms()) result.push_back(form.text);
    return result;
  }();
  return texts;
}

}  // namespace diva::inline v0_1
