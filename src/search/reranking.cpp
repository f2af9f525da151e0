#include <ATen/Parallel.h>
#include <torch/utils.h>
#include <diva/core/checks.hpp>
#include <diva/search/reranking.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "squared_distance.hpp"

namespace diva::inline v0_1 {
namespace {

constexpr auto function = "rerank_k_reciprocal";
constexpr std::int64_t grain = 16;

using Row = std::int32_t;
struct Entry {
  Row column;
  double value;
};
using SparseRow = std::vector<Entry>;  // columns ascending

template <class Visit>
void each_row(std::int64_t count, Visit&& visit) {
  at::parallel_for(0, count, grain, [&](std::int64_t begin, std::int64_t end) {
    for (auto row = begin; row < end; ++row) visit(row);
  });
}

// Queries are the first rows of `all`; gallery row j is row `offset + j` of it: 0 where the queries are the gallery.
struct Problem {
  torch::Tensor all;                     // [M, D]
  torch::Tensor neighbours;              // [M, ≤ k1] of all rows, without themselves
  Neighbours candidates;                 // [Q, k] by the original distance, ids applied: rows of the gallery
  torch::Tensor query_ids, gallery_ids;  // undefined: none
  std::int64_t queries = 0, offset = 0;
};

template <class T>
class Reranking {
 public:
  Reranking(const Problem& problem, const RerankingOptions& options)
      : problem_(problem),
        options_(options),
        all_(problem.all.cpu()),
        count_(all_.size(0)),
        dim_(all_.size(1)),
        listed_(problem.neighbours.size(1) + 1),
        repo_(options.variant == Variant::repo),
        scales_(count_, 1.0) {
    const auto found = problem.neighbours.cpu();
    const auto* index = found.template data_ptr<std::int64_t>();
    lists_.resize(count_ * listed_, -1);
    for (std::int64_t row = 0; row < count_; ++row) {
      lists_[row * listed_] = static_cast<Row>(row);
      std::transform(index + row * (listed_ - 1), index + (row + 1) * (listed_ - 1), &lists_[row * listed_] + 1,
                     [](std::int64_t j) { return static_cast<Row>(j); });
    }
    if (repo_) measure_farthest();
  }

  Neighbours run() {
    describe_rows();
    invert();
    const auto& candidates = problem_.candidates;
    auto indices = torch::full(candidates.indices.sizes(), -1, torch::kInt64);
    auto distances = torch::full(candidates.distances.sizes(), std::numeric_limits<double>::infinity(),
                                 candidates.distances.options().device(torch::kCPU));
    rank(candidates.indices.cpu(), indices, distances);
    const auto device = candidates.indices.device();
    return {indices.to(device), distances.to(device)};
  }

 private:
  [[nodiscard]] const T* row_of(std::int64_t row) const { return all_.template data_ptr<T>() + row * dim_; }

  [[nodiscard]] double distance(std::int64_t a, std::int64_t b) const {
    return detail::squared_distance(row_of(a), row_of(b), dim_) / scales_[a];
  }

  // N(row, k) without the −1 that fill short lists.
  [[nodiscard]] std::span<const Row> nearest(std::int64_t row, std::int64_t k) const {
    const auto* first = &lists_[row * listed_];
    const auto* end = first + std::min(k + 1, listed_);
    return {first, std::find(first, end, -1)};
  }

  // R(row, k), ascending.
  [[nodiscard]] std::vector<Row> reciprocal(std::int64_t row, std::int64_t k) const {
    std::vector<Row> result;
    for (const auto other : nearest(row, k)) {
      if (std::ranges::count(nearest(other, k), static_cast<Row>(row)) > 0) result.push_back(other);
    }
    std::ranges::sort(result);
    return result;
  }

  // The largest distance of each row: |y|² − 2 x·y is largest where it is, and that is a dot product of x and 1 with y and |y|².
  void measure_farthest() {
    const auto x = problem_.all.to(torch::kFloat64);
    const auto squares = x.square().sum(1, true);
    const auto farthest = nearest_neighbours(torch::cat({-2 * x, torch::ones_like(squares)}, 1), torch::cat({x, squares}, 1), 1, {},
                                             {}, {.similarity = Similarity::dot})
                              .indices.cpu();
    each_row(count_, [&](std::int64_t row) {
      const double largest = distance(row, farthest.template data_ptr<std::int64_t>()[row]);
      if (largest > 0) scales_[row] = largest;
    });
  }

  void describe_rows() {
    const auto half = static_cast<std::int64_t>(std::nearbyint(static_cast<double>(options_.k1) / 2));
    std::vector<std::vector<Row>> halves(count_);
    each_row(count_, [&](std::int64_t row) { halves[row] = reciprocal(row, half); });
    std::vector<SparseRow> own(count_);
    each_row(count_, [&](std::int64_t row) {
      const auto mutual = reciprocal(row, options_.k1);
      auto expanded = mutual;
      for (const auto other : mutual) {
        const auto& theirs = halves[other];
        const auto common = std::ranges::count_if(theirs, [&](Row r) { return std::ranges::binary_search(mutual, r); });
        const auto bound = 2 * std::ssize(theirs);
        if (repo_ ? 3 * common > bound : 3 * common >= bound) expanded.insert(expanded.end(), theirs.begin(), theirs.end());
      }
      std::ranges::sort(expanded);
      expanded.erase(std::unique(expanded.begin(), expanded.end()), expanded.end());
      double sum = 0;
      for (const auto other : expanded) {
        own[row].push_back({other, std::exp(-distance(row, other))});
        sum += own[row].back().value;
      }
      if (repo_) {
        for (auto& entry : own[row]) entry.value /= sum;
      }
    });
    descriptions_.resize(count_);
    sums_.resize(count_);
    each_row(count_, [&](std::int64_t row) {
      const auto averaged = nearest(row, options_.k2 - 1);
      SparseRow together;
      for (const auto other : averaged) together.insert(together.end(), own[other].begin(), own[other].end());
      std::ranges::stable_sort(together, {}, &Entry::column);
      SparseRow& result = descriptions_[row];
      for (const auto& [column, value] : together) {
        const double share = value / static_cast<double>(averaged.size());
        if (result.empty() || result.back().column != column) result.push_back({column, 0});
        result.back().value += share;
        sums_[row] += share;
      }
    });
  }

  // For each column, the gallery rows that have a value there.
  void invert() {
    starts_.assign(count_ + 1, 0);
    for (auto row = problem_.offset; row < count_; ++row) {
      for (const auto& entry : descriptions_[row]) ++starts_[entry.column + 1];
    }
    std::partial_sum(starts_.begin(), starts_.end(), starts_.begin());
    inverted_.resize(starts_.back());
    auto next = starts_;
    for (auto row = problem_.offset; row < count_; ++row) {
      for (const auto& [column, value] : descriptions_[row]) inverted_[next[column]++] = {static_cast<Row>(row), value};
    }
  }

  [[nodiscard]] bool excluded(std::int64_t query, std::int64_t gallery_row) const {
    if (!problem_.query_ids.defined()) return problem_.offset == 0 && query == gallery_row;
    return problem_.query_ids.template data_ptr<std::int64_t>()[query] ==
           problem_.gallery_ids.template data_ptr<std::int64_t>()[gallery_row];
  }

  void rank(const torch::Tensor& nearest, const torch::Tensor& indices, const torch::Tensor& distances) const {
    const auto k = nearest.size(1), offset = problem_.offset;
    at::parallel_for(0, problem_.queries, grain, [&](std::int64_t begin, std::int64_t end) {
      std::vector<double> shared(count_, -1);  // Σ min; −1: not met
      std::vector<Row> met;
      struct Ranked {
        double distance;
        std::int64_t index;
        auto operator<=>(const Ranked&) const = default;
      };
      std::vector<Ranked> ranked;
      for (auto query = begin; query < end; ++query) {
        const auto meet = [&](Row row, double value) {
          if (shared[row] < 0) {
            shared[row] = 0;
            met.push_back(row);
          }
          shared[row] += value;
        };
        for (const auto& [column, value] : descriptions_[query]) {
          for (auto at = starts_[column]; at < starts_[column + 1]; ++at)
            meet(inverted_[at].column, std::min(value, inverted_[at].value));
        }
        const auto* candidate = nearest.data_ptr<std::int64_t>() + query * k;
        for (std::int64_t i = 0; i < k && candidate[i] >= 0; ++i) meet(static_cast<Row>(candidate[i] + offset), 0);
        ranked.clear();
        for (const auto row : met) {
          const double jaccard = 1 - shared[row] / (sums_[query] + sums_[row] - shared[row]);
          shared[row] = -1;
          if (excluded(query, row - offset)) continue;
          ranked.push_back({(1 - options_.lambda) * jaccard + options_.lambda * distance(query, row), row - offset});
        }
        met.clear();
        const auto listed = std::min<std::int64_t>(k, std::ssize(ranked));
        std::ranges::partial_sort(ranked, ranked.begin() + listed);
        for (std::int64_t i = 0; i < listed; ++i) {
          indices.data_ptr<std::int64_t>()[query * k + i] = ranked[i].index;
          distances.data_ptr<T>()[query * k + i] = static_cast<T>(ranked[i].distance);
        }
      }
    });
  }

  const Problem& problem_;
  const RerankingOptions& options_;
  torch::Tensor all_;
  std::int64_t count_, dim_, listed_;
  bool repo_;
  std::vector<double> scales_;           // what the distances of a row are divided by
  std::vector<Row> lists_;               // [M, listed]: N(p, k1), −1 where it is shorter
  std::vector<SparseRow> descriptions_;  // V
  std::vector<double> sums_;             // of the rows of V
  std::vector<std::int64_t> starts_;     // of the columns of V in `inverted_`
  std::vector<Entry> inverted_;          // row and value
};

Neighbours rerank(Problem problem, const RerankingOptions& options) {
  problem.all = problem.all.contiguous();
  for (auto* ids : {&problem.query_ids, &problem.gallery_ids}) {
    if (ids->defined()) *ids = ids->cpu().contiguous();
  }
  return problem.all.scalar_type() == torch::kFloat64 ? Reranking<double>(problem, options).run()
                                                      : Reranking<float>(problem, options).run();
}

torch::Tensor prepared(const torch::Tensor& features, std::string_view argument) {
  detail::check_embeddings(function, features, argument);
  return features.detach().to(features.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32);
}

}  // namespace

Neighbours rerank_k_reciprocal(const torch::Tensor& queries, const torch::Tensor& gallery, std::int64_t k,
                               const torch::Tensor& query_ids, const torch::Tensor& gallery_ids, const RerankingOptions& options) {
  validate_fields(function, options);
  const torch::NoGradGuard no_gradient;
  const auto x = prepared(queries, "queries"), y = prepared(gallery, "gallery");
  auto candidates = nearest_neighbours(x, y, k, query_ids, gallery_ids);  // checks the arguments
  const auto all = torch::cat({x, y});
  const auto listed = std::min(options.k1, std::max<std::int64_t>(all.size(0) - 1, 1));
  return rerank({.all = all,
                 .neighbours = nearest_neighbours(all, listed).indices,
                 .candidates = std::move(candidates),
                 .query_ids = query_ids,
                 .gallery_ids = gallery_ids,
                 .queries = x.size(0),
                 .offset = x.size(0)},
                options);
}

Neighbours rerank_k_reciprocal(const torch::Tensor& features, std::int64_t k, const RerankingOptions& options) {
  validate_fields(function, options);
  const torch::NoGradGuard no_gradient;
  const auto x = prepared(features, "features");
  if (k < 1) detail::fail<OptionError>(function, "k", "at least 1", std::to_string(k));
  const auto listed = std::min(options.k1, std::max<std::int64_t>(x.size(0) - 1, 1));
  const auto found = nearest_neighbours(x, std::max(k, listed));
  return rerank({.all = x,
                 .neighbours = found.indices.slice(1, 0, listed).contiguous(),
                 .candidates = {found.indices.slice(1, 0, k).contiguous(), found.distances.slice(1, 0, k)},
                 .query_ids = {},
                 .gallery_ids = {},
                 .queries = x.size(0),
                 .offset = 0},
                options);
}

}  // namespace diva::inline v0_1
