#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/types.h>
#include <diva/core/checks.hpp>
#include <diva/metrics/neighbour_metrics.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

namespace diva::inline v0_1 {
namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

torch::Tensor integers(std::string_view function, std::string_view argument, const torch::Tensor& values, std::int64_t count = -1) {
  if (!values.defined() || values.dim() != 1 || values.scalar_type() != torch::kInt64 || (count >= 0 && values.size(0) != count)) {
    detail::fail<ShapeError>(function, argument, count >= 0 ? fmt::format("[{}] int64", count) : "[n] int64",
                             detail::describe(values));
  }
  return values.cpu().contiguous();
}

struct List {
  const bool* hits;
  std::int64_t length;
  std::int64_t relevant;
};

// A value for each query. `judge` gets a list that is at least `needed(R)` long, or the call fails.
template <class Needed, class Judge>
torch::Tensor each_query(std::string_view function, const Retrieval& retrieval, Needed&& needed, Judge&& judge) {
  if (!retrieval.hits.defined() || retrieval.hits.dim() != 2 || retrieval.hits.scalar_type() != torch::kBool) {
    detail::fail<ShapeError>(function, "retrieval.hits", "[queries, k] bool", detail::describe(retrieval.hits));
  }
  const auto hits = retrieval.hits.cpu().contiguous();
  const auto relevant = integers(function, "retrieval.relevant", retrieval.relevant, hits.size(0));
  const auto count = hits.size(0), length = hits.size(1);
  const auto* counts = relevant.data_ptr<std::int64_t>();
  const std::int64_t longest = needed(count > 0 ? *std::max_element(counts, counts + count) : 0);
  if (longest > length)
    detail::fail<OptionError>(function, "retrieval.hits", fmt::format("at least {} ranks long", longest), std::to_string(length));

  auto values = torch::empty({count}, torch::kFloat64);
  auto* out = values.data_ptr<double>();
  const bool* first = hits.data_ptr<bool>();
  at::parallel_for(0, count, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t q = begin; q < end; ++q) out[q] = judge(List{first + q * length, length, counts[q]});
  });
  return values;
}

void check_rank(std::string_view function, std::string_view argument, std::int64_t rank) {
  if (rank < 1) detail::fail<OptionError>(function, argument, "at least 1", std::to_string(rank));
}

// A value for each query with a relevant sample, of the first `rank` ranks; NaN for the lone ones.
template <class Judge>
torch::Tensor judge_first(std::string_view function, const Retrieval& retrieval, std::int64_t rank, Judge&& judge) {
  check_rank(function, "rank", rank);
  return each_query(
      function, retrieval, [=](std::int64_t) { return rank; },
      [&](const List& list) { return list.relevant > 0 ? judge(list) : nothing; });
}

double hits_among(const List& list, std::int64_t rank) {
  return static_cast<double>(std::count(list.hits, list.hits + rank, true));
}

double share_of_hits(const List& list, std::int64_t rank) { return hits_among(list, rank) / static_cast<double>(rank); }

bool any_hit(const List& list, std::int64_t rank) { return std::find(list.hits, list.hits + rank, true) != list.hits + rank; }

// Σ precision@r over the relevant ranks r ≤ limit.
double sum_of_precisions(const List& list, std::int64_t limit) {
  double sum = 0;
  std::int64_t found = 0;
  for (std::int64_t rank = 1; rank <= std::min(limit, list.length); ++rank) {
    if (list.hits[rank - 1]) sum += static_cast<double>(++found) / static_cast<double>(rank);
  }
  return sum;
}

}  // namespace

torch::Tensor neighbour_hits(const torch::Tensor& indices, const torch::Tensor& query_labels, const torch::Tensor& gallery_labels) {
  constexpr auto function = "neighbour_hits";
  if (!indices.defined() || indices.dim() != 2 || indices.scalar_type() != torch::kInt64) {
    detail::fail<ShapeError>(function, "indices", "[queries, k] int64", detail::describe(indices));
  }
  const auto found = indices.cpu().contiguous();
  const auto queries = integers(function, "query_labels", query_labels, found.size(0)),
             gallery = integers(function, "gallery_labels", gallery_labels);
  auto hits = torch::empty(found.sizes(), torch::kBool);
  const auto length = found.size(1), count = gallery.size(0);
  const auto *rows = found.data_ptr<std::int64_t>(), *asked = queries.data_ptr<std::int64_t>(),
             *labels = gallery.data_ptr<std::int64_t>();
  bool* out = hits.data_ptr<bool>();
  std::atomic<bool> outside = false;
  at::parallel_for(0, found.size(0), 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t q = begin; q < end; ++q) {
      for (auto i = q * length; i < (q + 1) * length; ++i) {
        const auto row = rows[i];
        const bool inside = row >= 0 && row < count;
        if (!inside && row != -1) outside = true;
        out[i] = inside && labels[row] == asked[q];
      }
    }
  });
  if (outside) {
    detail::fail<DataError>(function, "indices", fmt::format("-1 or rows of gallery_labels, in [0, {})", count),
                            fmt::format("{} to {}", found.min().item<std::int64_t>(), found.max().item<std::int64_t>()));
  }
  return hits;
}

torch::Tensor count_relevant(const torch::Tensor& query_labels, const torch::Tensor& gallery_labels, const torch::Tensor& query_ids,
                             const torch::Tensor& gallery_ids) {
  constexpr auto function = "count_relevant";
  const auto queries = integers(function, "query_labels", query_labels),
             gallery = integers(function, "gallery_labels", gallery_labels);
  if (query_ids.defined() != gallery_ids.defined()) {
    detail::fail<OptionError>(function, "query_ids and gallery_ids", "both given or neither", "one of them");
  }
  const bool identified = query_ids.defined();
  const auto query_names = identified ? integers(function, "query_ids", query_ids, queries.size(0)) : torch::Tensor();
  const auto gallery_names = identified ? integers(function, "gallery_ids", gallery_ids, gallery.size(0)) : torch::Tensor();

  using Key = std::pair<std::int64_t, std::int64_t>;  // label, id
  const auto key = [&](const torch::Tensor& labels, const torch::Tensor& names, std::int64_t row) {
    return Key{labels.data_ptr<std::int64_t>()[row], identified ? names.data_ptr<std::int64_t>()[row] : 0};
  };
  std::vector<Key> keys(gallery.size(0));
  for (std::size_t row = 0; row < keys.size(); ++row) keys[row] = key(gallery, gallery_names, static_cast<std::int64_t>(row));
  std::ranges::sort(keys);
  const auto occurrences = [&](const auto& wanted, auto part) {
    return std::ranges::upper_bound(keys, wanted, {}, part) - std::ranges::lower_bound(keys, wanted, {}, part);
  };
  auto counts = torch::empty_like(queries);
  for (std::int64_t row = 0; row < queries.size(0); ++row) {
    const auto wanted = key(queries, query_names, row);
    const auto same_sample = identified ? occurrences(wanted, std::identity()) : 0;
    counts.data_ptr<std::int64_t>()[row] = occurrences(wanted.first, &Key::first) - same_sample;
  }
  return counts;
}

Retrieval judge_neighbours(const torch::Tensor& indices, const torch::Tensor& query_labels, const torch::Tensor& gallery_labels,
                           const torch::Tensor& query_ids, const torch::Tensor& gallery_ids) {
  return {neighbour_hits(indices, query_labels, gallery_labels),
          count_relevant(query_labels, gallery_labels, query_ids, gallery_ids)};
}

double mean_over_queries(const torch::Tensor& values) {
  return values.to(torch::kFloat64).masked_select(values.isnan().logical_not()).mean().item<double>();
}

ClassMeans class_means(const torch::Tensor& values, const torch::Tensor& labels) {
  constexpr auto function = "class_means";
  if (!values.defined() || values.dim() != 1 || !values.is_floating_point()) {
    detail::fail<ShapeError>(function, "values", "[queries] floating point", detail::describe(values));
  }
  const auto [classes, rows, sizes] =
      at::_unique2(integers(function, "labels", labels, values.size(0)), /*sorted=*/true, /*return_inverse=*/true);
  const auto all = values.detach().to(torch::kCPU, torch::kFloat64), counted = all.isnan().logical_not();
  const auto sums = torch::zeros({classes.size(0)}, torch::kFloat64).index_add_(0, rows, all.masked_fill(counted.logical_not(), 0));
  const auto judged = torch::zeros({classes.size(0)}, torch::kInt64).index_add_(0, rows, counted.to(torch::kInt64));
  return {classes, sums / judged, judged};
}

double mean_over_classes(const torch::Tensor& values, const torch::Tensor& labels) {
  return mean_over_queries(class_means(values, labels).values);
}

torch::Tensor recall_at(const Retrieval& retrieval, std::int64_t rank) {
  check_rank("recall_at", "rank", rank);
  return each_query(
      "recall_at", retrieval, [=](std::int64_t) { return rank; },
      [=](const List& list) { return any_hit(list, rank) ? 1.0 : 0.0; });
}

torch::Tensor cmc_at(const Retrieval& retrieval, std::int64_t rank) {
  return judge_first("cmc_at", retrieval, rank, [=](const List& list) { return any_hit(list, rank) ? 1.0 : 0.0; });
}

torch::Tensor precision_at(const Retrieval& retrieval, std::int64_t rank) {
  return judge_first("precision_at", retrieval, rank, [=](const List& list) { return share_of_hits(list, rank); });
}

torch::Tensor oml_precision_at(const Retrieval& retrieval, std::int64_t rank) {
  return judge_first("oml_precision_at", retrieval, rank,
                     [=](const List& list) { return hits_among(list, rank) / static_cast<double>(std::min(rank, list.relevant)); });
}

torch::Tensor oml_average_precision(const Retrieval& retrieval, std::int64_t rank) {
  return judge_first("oml_average_precision", retrieval, rank,
                     [=](const List& list) { return sum_of_precisions(list, rank) / std::max(hits_among(list, rank), 1.0); });
}

torch::Tensor ndcg_at(const Retrieval& retrieval, std::int64_t rank) {
  constexpr auto function = "ndcg_at";
  check_rank(function, "rank", rank);
  std::vector<double> gains, best = {0};  // of a hit at each rank; of as many hits in front
  if (retrieval.hits.defined() && retrieval.hits.dim() == 2) {
    for (std::int64_t r = 1; r <= std::min(rank, retrieval.hits.size(1)); ++r) {
      gains.push_back(1 / std::log2(static_cast<double>(r) + 1));
      best.push_back(best.back() + gains.back());
    }
  }
  return judge_first(function, retrieval, rank, [&](const List& list) {
    double sum = 0;
    for (std::int64_t r = 0; r < rank; ++r) {
      if (list.hits[r]) sum += gains[r];
    }
    return sum / best[std::min(rank, list.relevant)];
  });
}

torch::Tensor r_precision(const Retrieval& retrieval) {
  return each_query(
      "r_precision", retrieval, [](std::int64_t largest) { return largest; },
      [](const List& list) { return list.relevant > 0 ? share_of_hits(list, list.relevant) : nothing; });
}

torch::Tensor reciprocal_rank(const Retrieval& retrieval) {
  return each_query(
      "reciprocal_rank", retrieval, [](std::int64_t) { return 0; },
      [](const List& list) {
        if (list.relevant == 0) return nothing;
        const auto* first = std::find(list.hits, list.hits + list.length, true);
        return first == list.hits + list.length ? 0.0 : 1.0 / static_cast<double>(first - list.hits + 1);
      });
}

torch::Tensor average_precision(const Retrieval& retrieval, std::int64_t limit, Variant variant) {
  check_rank("average_precision", "limit", limit);
  return each_query(
      "average_precision", retrieval, [](std::int64_t) { return 0; },
      [=](const List& list) {
        if (variant == Variant::repo) return sum_of_precisions(list, limit) / static_cast<double>(list.relevant + 1);
        return list.relevant > 0 ? sum_of_precisions(list, limit) / static_cast<double>(std::min(limit, list.relevant)) : nothing;
      });
}

torch::Tensor average_precision_at_r(const Retrieval& retrieval, Variant variant) {
  const std::int64_t self = variant == Variant::repo ? 1 : 0;  // the query, counted as one of its class
  return each_query(
      "average_precision_at_r", retrieval, [=](std::int64_t largest) { return largest + self; },
      [=](const List& list) {
        const auto size = list.relevant + self;
        return size > 0 ? sum_of_precisions(list, size) / static_cast<double>(size) : nothing;
      });
}

}  // namespace diva::inline v0_1
