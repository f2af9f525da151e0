#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/utils.h>
#include <diva/core/checks.hpp>
#include <diva/search/neighbours.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "tensor_neighbours.hpp"

namespace diva {
namespace {

constexpr auto function = "nearest_neighbours";
constexpr std::int64_t list_bytes = std::int64_t{64} << 20;  // for the candidates of all queries of a tile

template <class T>
struct Rows {
  std::string_view argument;
  const T* data = nullptr;
  const std::int64_t* ids = nullptr;
  std::int64_t count = 0;
  std::int64_t dim = 0;

  const T* operator[](std::int64_t row) const { return data + row * dim; }
};

template <class T>
Rows<T> rows_of(std::string_view argument, const torch::Tensor& features, const torch::Tensor& ids) {
  return {argument, features.data_ptr<T>(), ids.defined() ? ids.data_ptr<std::int64_t>() : nullptr, features.size(0),
          features.size(1)};
}

// Σ term(i) over the dimensions in eight partial sums, which the compiler keeps in vector registers; the order is fixed, so equal
// rows give equal bits.
template <class Term>
double sum_of(std::int64_t dim, Term&& term) {
  std::array<double, 8> partial{};
  std::int64_t i = 0;
  for (; i + 8 <= dim; i += 8) {
    for (std::int64_t lane = 0; lane < 8; ++lane) partial[lane] += term(i + lane);
  }
  for (; i < dim; ++i) partial[i % 8] += term(i);
  return ((partial[0] + partial[4]) + (partial[1] + partial[5])) + ((partial[2] + partial[6]) + (partial[3] + partial[7]));
}

// The mean of the rows; zero where a shift would change what is measured.
template <class T>
std::vector<double> centre_of(const Rows<T>& rows, Similarity similarity) {
  std::vector<double> centre(rows.dim, 0.0);
  if (similarity != Similarity::euclidean || rows.count == 0) return centre;
  const double share = 1.0 / static_cast<double>(rows.count);  // before the sum, which could overflow
  for (std::int64_t row = 0; row < rows.count; ++row) {
    for (std::int64_t i = 0; i < rows.dim; ++i) centre[i] += share * rows[row][i];
  }
  return centre;
}

template <class T>
std::vector<double> lengths_about(const std::vector<double>& centre, const Rows<T>& rows, Similarity similarity) {
  std::vector<double> lengths(rows.count);
  at::parallel_for(0, rows.count, 256, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const T* x = rows[row];
      lengths[row] = std::sqrt(sum_of(rows.dim, [&](std::int64_t i) { return (x[i] - centre[i]) * (x[i] - centre[i]); }));
    }
  });
  // Negated, so that NaN counts too; at 1e150 distances still have finite squares.
  if (!std::ranges::all_of(lengths, [](double length) { return length < 1e150; })) {
    const auto bad = std::count_if(rows.data, rows.data + rows.count * rows.dim, [](T value) { return !std::isfinite(value); });
    if (bad > 0) detail::fail<DataError>(function, rows.argument, "finite", fmt::format("{} values of NaN or infinity", bad));
    detail::fail<DataError>(function, rows.argument, "rows of a length below 1e150", "longer ones");
  }
  if (similarity == Similarity::cosine) {
    const auto zeros = std::ranges::count(lengths, 0.0);
    if (zeros > 0) {
      detail::fail<DataError>(function, rows.argument, "rows of a length above 0, which have a cosine",
                              fmt::format("{} rows of length 0", zeros));
    }
  }
  return lengths;
}

double rounding(double terms, double unit) { return terms * unit / (1 - terms * unit); }

// The search on the CPU, in the type T of the features; the method and its bound stand at nearest_neighbours.
template <class T>
class Search {
 public:
  Search(const torch::Tensor& queries, const torch::Tensor& gallery, std::int64_t k, const torch::Tensor& query_ids,
         const torch::Tensor& gallery_ids, const NeighbourOptions& options)
      : queries_(rows_of<T>("queries", queries, query_ids)),
        gallery_(rows_of<T>(queries.is_same(gallery) ? "features" : "gallery", gallery, gallery_ids)),
        similarity_(options.similarity),
        k_(std::min(k, gallery_.count)),
        capacity_(std::min(2 * k_ + 64, gallery_.count)),
        centre_(centre_of(gallery_, similarity_)),
        gallery_lengths_(lengths_about(centre_, gallery_, similarity_)),  // first: it finds what made the centre NaN
        query_lengths_(lengths_about(centre_, queries_, similarity_)) {
    for (const double length : gallery_lengths_) longest_ = std::max(longest_, length);
    double largest = longest_;
    if (euclidean()) {
      for (const double length : query_lengths_) largest = std::max(largest, length);
    }
    // A power of two: exact, and squares neither overflow nor vanish.
    if (largest > 0) scale_ = std::ldexp(1.0, -std::clamp(std::ilogb(largest) + 1, -1000, 1000));

    const auto fitting = list_bytes / (capacity_ * static_cast<std::int64_t>(sizeof(Candidate)));
    tile_rows_ = std::clamp(fitting, std::int64_t{1}, std::min(options.query_tile, queries_.count));
    tile_columns_ = std::min(options.gallery_tile, gallery_.count);
  }

  void run(const torch::Tensor& indices, const torch::Tensor& distances) {
    const auto type = distances.options();
    const auto left = torch::empty({tile_rows_, queries_.dim}, type), right = torch::empty({tile_columns_, gallery_.dim}, type);
    const auto products = torch::empty({tile_rows_ * tile_columns_}, type);
    candidates_.resize(tile_rows_ * capacity_);
    for (std::int64_t first = 0; first < queries_.count; first += tile_rows_) {
      const auto rows = std::min(tile_rows_, queries_.count - first);
      lists_.assign(rows, {});
      prepare(queries_, first, rows, left.template data_ptr<T>(), [&](std::int64_t row) { return query_factor(row); });
      for (std::int64_t begin = 0; begin < gallery_.count; begin += tile_columns_) {
        const auto columns = std::min(tile_columns_, gallery_.count - begin);
        prepare(gallery_, begin, columns, right.template data_ptr<T>(), [&](std::int64_t row) { return gallery_factor(row); });
        auto tile = products.narrow(0, 0, rows * columns).view({rows, columns});
        at::mm_out(tile, left.narrow(0, 0, rows), right.narrow(0, 0, columns).t());
        select(first, rows, begin, columns, tile.template data_ptr<T>());
      }
      write(first, rows, indices, distances);
    }
  }

 private:
  struct Candidate {
    T score;
    std::int32_t index;
  };
  struct List {
    std::int64_t count = 0;
    T limit = std::numeric_limits<T>::infinity();  // rows of a larger score are farther than k others
  };
  struct Measured {
    double distance;
    std::int32_t index;
    auto operator<=>(const Measured&) const = default;
  };

  [[nodiscard]] bool euclidean() const { return similarity_ == Similarity::euclidean; }

  // score = offset(row of the gallery) − query · row, both about the centre and multiplied by these.
  [[nodiscard]] double query_factor(std::int64_t row) const {
    if (euclidean()) return 2 * scale_;
    return query_lengths_[row] > 0 ? 1 / query_lengths_[row] : 0;
  }
  [[nodiscard]] double gallery_factor(std::int64_t row) const {
    return similarity_ == Similarity::cosine ? 1 / gallery_lengths_[row] : scale_;
  }

  // Twice the bound e of the header, plus what double rounding does to the measured distances, which decide.
  [[nodiscard]] double tolerance(std::int64_t query) const {
    const double terms = static_cast<double>(queries_.dim) + 8, unit = std::numeric_limits<T>::epsilon() / 2;
    const double single = rounding(terms, unit), exact = rounding(terms, 0x1p-53);
    const double b = similarity_ == Similarity::cosine ? 1 : longest_ * scale_,
                 a = euclidean() ? query_lengths_[query] * scale_ : 1;
    const double bound = euclidean() ? single * b * (2 * a + b) + exact * (a + b) * (a + b) : (single + exact) * b;
    const double vanished = 4 * terms * std::numeric_limits<T>::min();  // products too small for the type
    return 2.02 * (bound + vanished);
  }

  template <class Factor>
  void prepare(const Rows<T>& rows, std::int64_t first, std::int64_t count, T* out, Factor&& factor) const {
    at::parallel_for(0, count, 64, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        const T* x = rows[first + row];
        const double times = factor(first + row);
        for (std::int64_t i = 0; i < rows.dim; ++i) out[row * rows.dim + i] = static_cast<T>((x[i] - centre_[i]) * times);
      }
    });
  }

  void select(std::int64_t first, std::int64_t rows, std::int64_t begin_column, std::int64_t columns, T* products) {
    std::vector<T> offsets(columns, T(0));
    if (euclidean()) {
      for (std::int64_t j = 0; j < columns; ++j) {
        const double length = gallery_lengths_[begin_column + j] * scale_;
        offsets[j] = static_cast<T>(length * length);
      }
    }
    at::parallel_for(0, rows, 8, [&](std::int64_t begin, std::int64_t end) {
      std::vector<Measured> measured;
      for (std::int64_t row = begin; row < end; ++row) {
        T* scores = products + row * columns;
        for (std::int64_t j = 0; j < columns; ++j) scores[j] = offsets[j] - scores[j];
        append(first + row, row, begin_column, columns, scores, measured);
      }
    });
  }

  void append(std::int64_t query, std::int64_t row, std::int64_t begin_column, std::int64_t columns, const T* scores,
              std::vector<Measured>& measured) {
    constexpr std::int64_t step = 32;  // most stretches hold nothing; asking them as a whole is what vector units are for
    Candidate* candidates = &candidates_[row * capacity_];
    List& list = lists_[row];
    for (std::int64_t stretch = 0; stretch < columns; stretch += step) {
      const auto end = std::min(stretch + step, columns);
      int near = 0;
      for (std::int64_t j = stretch; j < end; ++j) near += scores[j] <= list.limit;
      if (near == 0) continue;
      for (std::int64_t j = stretch; j < end; ++j) {
        const auto index = begin_column + j;
        if (!(scores[j] <= list.limit) || (queries_.ids && queries_.ids[query] == gallery_.ids[index])) continue;
        if (list.count == capacity_) {
          shrink(query, candidates, list, measured);
          if (!(scores[j] <= list.limit)) continue;
        }
        candidates[list.count++] = {scores[j], static_cast<std::int32_t>(index)};
      }
    }
  }

  // Drops what the scores prove to be farther than k others.
  void exclude(std::int64_t query, Candidate* candidates, List& list) const {
    if (list.count <= k_) return;
    const auto by_score = [](const Candidate& a, const Candidate& b) { return a.score < b.score; };
    std::nth_element(candidates, candidates + k_ - 1, candidates + list.count, by_score);
    list.limit = static_cast<T>(candidates[k_ - 1].score + tolerance(query));
    const auto* end =
        std::partition(candidates + k_, candidates + list.count, [&](const Candidate& c) { return c.score <= list.limit; });
    list.count = end - candidates;
  }

  // Makes room in a full list: by the scores, or where they are too close to tell, by measuring.
  void shrink(std::int64_t query, Candidate* candidates, List& list, std::vector<Measured>& measured) const {
    exclude(query, candidates, list);
    if (list.count - k_ <= (capacity_ - k_) / 2) return;
    measure(query, candidates, list.count, measured);
    std::ranges::nth_element(measured, measured.begin() + k_ - 1);
    const auto last = measured[k_ - 1];
    const auto* end = std::partition(candidates, candidates + list.count, [&](const Candidate& c) {
      return Measured{distance(query, c.index), c.index} <= last;
    });
    list.count = end - candidates;
  }

  // The distance that decides; squared where Euclidean.
  [[nodiscard]] double distance(std::int64_t query, std::int64_t index) const {
    const T *x = queries_[query], *y = gallery_[index];
    if (euclidean()) {
      return sum_of(queries_.dim, [=](std::int64_t i) {
        const double difference = static_cast<double>(x[i]) - y[i];
        return difference * difference;
      });
    }
    const double product = sum_of(queries_.dim, [=](std::int64_t i) { return static_cast<double>(x[i]) * y[i]; });
    if (similarity_ == Similarity::dot) return -product;
    return std::max(0.0, 1 - product / (query_lengths_[query] * gallery_lengths_[index]));
  }

  void measure(std::int64_t query, const Candidate* candidates, std::int64_t count, std::vector<Measured>& measured) const {
    measured.resize(count);
    for (std::int64_t c = 0; c < count; ++c) measured[c] = {distance(query, candidates[c].index), candidates[c].index};
  }

  void write(std::int64_t first, std::int64_t rows, const torch::Tensor& indices, const torch::Tensor& distances) {
    at::parallel_for(0, rows, 8, [&](std::int64_t begin, std::int64_t end) {
      std::vector<Measured> measured;
      for (std::int64_t row = begin; row < end; ++row) {
        Candidate* candidates = &candidates_[row * capacity_];
        exclude(first + row, candidates, lists_[row]);
        measure(first + row, candidates, lists_[row].count, measured);
        const auto listed = std::min<std::int64_t>(k_, lists_[row].count);
        std::ranges::partial_sort(measured, measured.begin() + listed);
        auto* index = indices.data_ptr<std::int64_t>() + (first + row) * indices.size(1);
        auto* out = distances.data_ptr<T>() + (first + row) * indices.size(1);
        for (std::int64_t rank = 0; rank < listed; ++rank) {
          index[rank] = measured[rank].index;
          out[rank] = static_cast<T>(euclidean() ? std::sqrt(measured[rank].distance) : measured[rank].distance);
        }
      }
    });
  }

  Rows<T> queries_, gallery_;
  Similarity similarity_;
  std::int64_t k_, capacity_;
  std::vector<double> centre_, gallery_lengths_, query_lengths_;
  double longest_ = 0, scale_ = 1;
  std::int64_t tile_rows_ = 1, tile_columns_ = 1;
  std::vector<Candidate> candidates_;  // capacity_ for each query of the tile
  std::vector<List> lists_;
};

template <class T>
Neighbours search(const torch::Tensor& queries, const torch::Tensor& gallery, std::int64_t k, const torch::Tensor& query_ids,
                  const torch::Tensor& gallery_ids, const NeighbourOptions& options) {
  auto indices = torch::full({queries.size(0), k}, -1, torch::kInt64);
  auto distances = torch::full({queries.size(0), k}, std::numeric_limits<double>::infinity(), queries.options());
  if (queries.size(0) == 0 || gallery.size(0) == 0) {
    detail::check_finite(function, "queries", queries);
    detail::check_finite(function, "gallery", gallery);
  } else {
    Search<T>(queries, gallery, k, query_ids, gallery_ids, options).run(indices, distances);
  }
  return {indices, distances};
}

torch::Tensor prepare_features(const torch::Tensor& features, std::string_view argument) {
  detail::check_embeddings(function, features, argument);
  if (features.size(0) > std::numeric_limits<std::int32_t>::max()) {
    detail::fail<ShapeError>(function, argument, "at most 2147483647 rows", detail::describe(features));
  }
  const auto type = features.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
  return features.detach().to(type).contiguous();
}

torch::Tensor prepare_ids(const torch::Tensor& ids, const torch::Tensor& features, std::string_view argument) {
  if (!ids.defined()) return ids;
  if (ids.dim() != 1 || ids.scalar_type() != torch::kInt64 || ids.size(0) != features.size(0)) {
    detail::fail<ShapeError>(function, argument, fmt::format("[{}] int64", features.size(0)), detail::describe(ids));
  }
  return ids.to(features.device()).contiguous();
}

}  // namespace

Neighbours nearest_neighbours(const torch::Tensor& queries, const torch::Tensor& gallery, std::int64_t k,
                              const torch::Tensor& query_ids, const torch::Tensor& gallery_ids, const NeighbourOptions& options) {
  validate_fields(function, options);
  const auto x = prepare_features(queries, "queries");
  const auto y = queries.is_same(gallery) ? x : prepare_features(gallery, "gallery");
  if (x.size(1) != y.size(1) || queries.scalar_type() != gallery.scalar_type() || x.device() != y.device()) {
    detail::fail<ShapeError>(function, "gallery",
                             fmt::format("of the width, type and device of queries {}", detail::describe(queries)),
                             detail::describe(gallery));
  }
  if (k < 1) detail::fail<OptionError>(function, "k", "at least 1", std::to_string(k));
  if (query_ids.defined() != gallery_ids.defined()) {
    detail::fail<OptionError>(function, "query_ids and gallery_ids", "both given or neither", "one of them");
  }
  const auto query_names = prepare_ids(query_ids, x, "query_ids"), gallery_names = prepare_ids(gallery_ids, y, "gallery_ids");

  const torch::NoGradGuard no_gradient;
  if (!x.is_cpu()) {
    detail::check_finite(function, "queries", x);
    detail::check_finite(function, "gallery", y);
    if (options.similarity == Similarity::cosine && ((x == 0).all(1).any() | (y == 0).all(1).any()).item<bool>()) {
      detail::fail<DataError>(function, "queries and gallery", "rows of a length above 0, which have a cosine", "rows of length 0");
    }
    return detail::neighbours_by_tensor_operations(x, y, k, query_names, gallery_names, options);
  }
  return x.scalar_type() == torch::kFloat64 ? search<double>(x, y, k, query_names, gallery_names, options)
                                            : search<float>(x, y, k, query_names, gallery_names, options);
}

Neighbours nearest_neighbours(const torch::Tensor& features, std::int64_t k, const NeighbourOptions& options) {
  detail::check_embeddings(function, features, "features");
  const auto ids = torch::arange(features.size(0), torch::kInt64);
  return nearest_neighbours(features, features, k, ids, ids, options);
}

}  // namespace diva
