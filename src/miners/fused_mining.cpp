#include "fused_mining.hpp"

#include <diva/core/checks.hpp>

#include "fused_matrix.hpp"
#include "fused_relation.hpp"

#include <algorithm>
#include <string>

namespace diva::inline v0_1::detail {
namespace {

// 1 for a mined positive, −1 for a mined negative, otherwise 0, and how many of each.
struct Mark {
  template <class L, class T = typename L::Number>
  DIVA_INLINE static void run(const FusedRow<T>* row, const PairLimits* limits, T* marks, std::int64_t* counts) {
    T positive = static_cast<T>(limits->positive), negative = static_cast<T>(limits->negative);
    if (limits->by_extremes) {
      const auto extremes = extremes_of<L>(*row);
      positive = extremes.smallest_negative;
      negative = extremes.largest_positive;
    }
    const T slack = static_cast<T>(limits->slack);
    typename L::Vector positives = {}, negatives = {};
    for (std::int64_t j = 0; j < row->size; j += L::count) {
      const auto v = L::load(row->values + j), relation = L::load(row->relation + j);
      const auto far = L::where(relation > T(0), L::where(v + slack > positive, L::all(1)));
      const auto near = L::where(relation < T(0), L::where(v - slack < negative, L::all(1)));
      positives += far;
      negatives += near;
      L::store(marks + j, far - near);
    }
    counts[0] = static_cast<std::int64_t>(L::sum(positives));
    counts[1] = static_cast<std::int64_t>(L::sum(negatives));
  }
};

// The rows of all anchors one after the other, each with what a kernel sees of it.
template <class T>
class MiningRows {
 public:
  MiningRows(const Comparison& comparison, const DistanceOptions& options, bool with_relation)
      : all(comparison, options, false), scratch_(static_cast<std::size_t>(2 * all.stride)) {
    if (with_relation) relation_.emplace(comparison, Tuples(), false);
  }

  [[nodiscard]] bool valid() const { return relation_->valid(); }

  FusedMatrix<T> all;

  /// From the products of a row, which may be written over afterwards.
  FusedRow<T> row(std::int64_t i) {
    all.values_of(i, scratch_.data());
    return related(i, scratch_.data());
  }
  FusedRow<T> related(std::int64_t i, const T* values) {
    FusedRow<T> row;
    row.values = values;
    row.relation = scratch_.data() + all.stride;
    row.size = all.stride;
    row.row = i;
    row.negative_count = relation_->row(i, scratch_.data() + all.stride, all.stride, positives_);
    row.positives = positives_.data();
    row.positive_count = static_cast<std::int64_t>(positives_.size());
    return row;
  }

 private:
  std::optional<FusedRelation> relation_;
  std::vector<T> scratch_;
  std::vector<std::int32_t> positives_;
};

torch::Tensor indices(std::int64_t n) { return torch::empty({n}, torch::kInt64); }

template <class T>
Pairs pairs_of(MiningRows<T>& rows, const PairLimits& limits) {
  auto& all = rows.all;
  std::vector<std::int64_t> counts(static_cast<std::size_t>(2 * all.batch), 0);
  std::int64_t totals[2] = {};
  for (std::int64_t i = 0; i < all.batch; ++i) {
    const auto row = rows.row(i);
    auto* found = counts.data() + 2 * i;
    if (!limits.by_extremes || (row.positive_count > 0 && row.negative_count > 0))
      run_best<Mark, T>(best_instruction_set(), &row, &limits, all.row(i), found);
    totals[0] += found[0];
    totals[1] += found[1];
  }

  Pairs pairs = {indices(totals[0]), indices(totals[0]), indices(totals[1]), indices(totals[1])};
  auto *anchors = pairs.anchors.data_ptr<std::int64_t>(), *others = pairs.positives.data_ptr<std::int64_t>();
  auto *negative_anchors = pairs.negative_anchors.data_ptr<std::int64_t>(), *negatives = pairs.negatives.data_ptr<std::int64_t>();
  // Written at each column and kept at those that are marked: one place more than columns.
  std::vector<std::int64_t> near(static_cast<std::size_t>(all.references + 1)), far(near.size());
  for (std::int64_t i = 0; i < all.batch; ++i) {
    const auto* found = counts.data() + 2 * i;
    if (found[0] + found[1] == 0) continue;
    const T* marks = all.row(i);
    std::size_t p = 0, n = 0;
    for (std::int64_t j = 0; j < all.references; ++j) {
      far[p] = j;
      near[n] = j;
      p += marks[j] > T(0);
      n += marks[j] < T(0);
    }
    anchors = std::fill_n(anchors, p, i);
    others = std::copy_n(far.begin(), p, others);
    negative_anchors = std::fill_n(negative_anchors, n, i);
    negatives = std::copy_n(near.begin(), n, negatives);
  }
  return pairs;
}

// The first that no other is beyond; NaN is beyond all.
template <class T, class Beyond>
std::int64_t hardest_of(const FusedRow<T>& row, std::int64_t references, T side, Beyond&& beyond) {
  std::int64_t best = -1;
  for (std::int64_t j = 0; j < references; ++j) {
    if (row.relation[j] != side) continue;
    const T v = row.values[j];
    if (best < 0 || beyond(v, row.values[best])) best = j;
    if (std::isnan(v)) return j;
  }
  return best;
}

template <class T>
Triplets hardest(MiningRows<T>& rows) {
  const auto batch = rows.all.batch;
  std::vector<std::int64_t> found;
  for (std::int64_t i = 0; i < batch; ++i) {
    const auto row = rows.row(i);
    if (row.positive_count == 0 || row.negative_count == 0) continue;
    found.push_back(i);
    found.push_back(hardest_of(row, rows.all.references, T(1), [](T v, T best) { return v > best; }));
    found.push_back(hardest_of(row, rows.all.references, T(-1), [](T v, T best) { return v < best; }));
  }
  const auto number = static_cast<std::int64_t>(found.size()) / 3;
  Triplets triplets = {indices(number), indices(number), indices(number)};
  const torch::Tensor* columns[] = {&triplets.anchors, &triplets.positives, &triplets.negatives};
  for (std::int64_t c = 0; c < 3; ++c) {
    auto* to = columns[c]->data_ptr<std::int64_t>();
    for (std::int64_t k = 0; k < number; ++k) to[k] = found[static_cast<std::size_t>(3 * k + c)];
  }
  return triplets;
}

// How many negatives of a row lie between two distances, the first excluded.
struct CountBetween {
  template <class L, class T = typename L::Number>
  DIVA_INLINE static void run(const FusedRow<T>* row, T positive, T low, T high, std::int64_t* count) {
    typename L::Vector found = {};
    for (std::int64_t j = 0; j < row->size; j += L::count) {
      const auto slack = L::load(row->values + j) - positive;
      const auto inside = L::where(slack > low, L::where(slack <= high, L::all(1)));
      found += L::where(L::load(row->relation + j) < T(0), inside);
    }
    *count = static_cast<std::int64_t>(L::sum(found));
  }
};

template <class T>
Triplets triplets_of(std::string_view function, MiningRows<T>& rows, T low, T high) {
  auto& all = rows.all;
  constexpr std::int64_t limit = std::int64_t{1} << 27;
  std::vector<std::int64_t> counts;  // of each positive pair
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < all.batch; ++i) {
    const auto row = rows.row(i);
    for (std::int64_t k = 0; k < row.positive_count; ++k) {
      counts.push_back(0);
      run_best<CountBetween, T>(best_instruction_set(), &row, row.values[row.positives[k]], low, high, &counts.back());
      total += counts.back();
    }
    std::copy_n(row.values, all.stride, all.row(i));
  }
  if (total > limit) {
    fail<DataError>(function, "labels", "of at most 2^27 such triplets (ask for harder ones, or a smaller batch)",
                    "more than " + std::to_string(limit));
  }
  Triplets triplets = {indices(total), indices(total), indices(total)};
  auto *anchors = triplets.anchors.data_ptr<std::int64_t>(), *positives = triplets.positives.data_ptr<std::int64_t>(),
       *negatives = triplets.negatives.data_ptr<std::int64_t>();
  // Written at each column and kept at those that hold: one place more than columns.
  std::vector<std::int64_t> found(static_cast<std::size_t>(all.references + 1));
  auto count = counts.begin();
  for (std::int64_t i = 0; i < all.batch; ++i) {
    const auto row = rows.related(i, all.row(i));
    for (std::int64_t k = 0; k < row.positive_count; ++k) {
      const auto expected = *count++;
      if (expected == 0) continue;
      const T positive = row.values[row.positives[k]];
      std::size_t n = 0;
      for (std::int64_t j = 0; j < all.references; ++j) {
        const T slack = row.values[j] - positive;
        found[n] = j;
        n += static_cast<std::size_t>((row.relation[j] < T(0)) & (slack > low) & (slack <= high));
      }
      anchors = std::fill_n(anchors, n, i);
      positives = std::fill_n(positives, n, row.positives[k]);
      negatives = std::copy_n(found.begin(), n, negatives);
    }
  }
  return triplets;
}

// body(rows) for float or double, or nothing.
template <class Result, class Body>
std::optional<Result> over_rows(const Comparison& given, const DistanceOptions& options, Body&& body) {
  Comparison comparison = given;
  comparison.embeddings = for_mining(given.embeddings);
  if (given.reference)
    comparison.reference->embeddings = for_mining(given.reference->embeddings).to(comparison.embeddings.scalar_type());
  if (!by_product(options) || !has_products(comparison)) return std::nullopt;
  const auto with = [&]<class T>(T) -> std::optional<Result> {
    MiningRows<T> rows(comparison, options, true);
    if (!rows.valid()) return std::nullopt;
    return body(rows, T());
  };
  return comparison.embeddings.scalar_type() == torch::kFloat32 ? with(0.0F) : with(0.0);
}

}  // namespace

torch::Tensor fused_distances(const Comparison& given, const DistanceOptions& options) {
  Comparison comparison = {.embeddings = for_mining(given.embeddings), .labels = {}, .reference = given.reference, .relation = {}};
  if (given.reference)
    comparison.reference->embeddings = for_mining(given.reference->embeddings).to(comparison.embeddings.scalar_type());
  if (!by_product(options) || !has_products(comparison)) return {};
  const auto with = [&]<class T>(T) {
    FusedMatrix<T> all(comparison, options, false);
    std::vector<T> values(static_cast<std::size_t>(all.stride));
    for (std::int64_t i = 0; i < all.batch; ++i) {
      all.values_of(i, values.data());
      std::copy(values.begin(), values.end(), all.row(i));
    }
    return all.matrix().contiguous();
  };
  return comparison.embeddings.scalar_type() == torch::kFloat32 ? with(0.0F) : with(0.0);
}

std::optional<Pairs> fused_mining(const Comparison& comparison, const DistanceOptions& options, const PairLimits& limits) {
  return over_rows<Pairs>(comparison, options, [&](auto& rows, auto) { return pairs_of(rows, limits); });
}

std::optional<Triplets> fused_hardest(const Comparison& comparison, const DistanceOptions& options) {
  return over_rows<Triplets>(comparison, options, [](auto& rows, auto) { return hardest(rows); });
}

std::optional<Triplets> fused_triplets(std::string_view function, const Comparison& comparison, const DistanceOptions& options,
                                       double low, double high) {
  return over_rows<Triplets>(comparison, options, [&]<class T>(auto& rows, T) {
    return triplets_of<T>(function, rows, static_cast<T>(low), static_cast<T>(high));
  });
}

}  // namespace diva::inline v0_1::detail
