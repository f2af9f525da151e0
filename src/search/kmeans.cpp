#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/utils.h>
#include <diva/core/checks.hpp>
#include <diva/search/kmeans.hpp>
#include <diva/search/neighbours.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>
#include <vector>

#include "squared_distance.hpp"

namespace diva::inline v0_1 {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

torch::Tensor tensor_of(const std::vector<std::int64_t>& indices) { return torch::tensor(indices, torch::kInt64); }

// One start of k-means.
class Lloyd {
 public:
  // `features` on its device, float32; `x` the same on the CPU.
  Lloyd(torch::Tensor features, torch::Tensor x, std::int64_t k)
      : features_(std::move(features)), x_(std::move(x)), count_(x_.size(0)), dim_(x_.size(1)), k_(k) {}

  void start(const torch::Tensor& rows) {
    centroids_ = x_.index_select(0, rows);
    moved_.assign(k_, true);
    dirty_.assign(k_, true);
    nearest_.assign(count_, 0);
    distances_.assign(count_, -1);  // below any, so that the first assignment compares every row with all centroids
  }

  // Every row to its nearest centroid.
  void assign() {
    std::vector<char> far(count_);
    at::parallel_for(0, count_, 256, [&](std::int64_t begin, std::int64_t end) {
      for (auto row = begin; row < end; ++row) {
        if (!moved_[nearest_[row]]) continue;
        const double distance = measure(row, nearest_[row]);
        far[row] = distance > distances_[row];
        if (!far[row]) distances_[row] = distance;
      }
    });
    std::vector<std::int64_t> all, some, moved;
    for (std::int64_t row = 0; row < count_; ++row) (far[row] ? all : some).push_back(row);
    for (std::int64_t c = 0; c < k_; ++c) {
      if (moved_[c]) moved.push_back(c);
    }
    compare(all, {});
    if (!moved.empty() && !some.empty()) {
      spare(some, moved);
      compare(some, moved);
    }
    std::ranges::fill(moved_, false);
  }

  // Centroids become the means of their rows; false when none moved.
  bool update() {
    std::vector<std::int64_t> first(k_ + 1, 0), rows(count_);
    for (const auto c : nearest_) ++first[c + 1];
    if (std::find(first.begin() + 1, first.end(), 0) != first.end()) {
      fill_empty(first);
      first.assign(k_ + 1, 0);
      for (const auto c : nearest_) ++first[c + 1];
    }
    std::partial_sum(first.begin(), first.end(), first.begin());
    auto next = first;
    for (std::int64_t row = 0; row < count_; ++row) rows[next[nearest_[row]]++] = row;

    at::parallel_for(0, k_, 16, [&](std::int64_t begin, std::int64_t end) {
      std::vector<double> sum(dim_);
      for (auto c = begin; c < end; ++c) {
        const auto size = first[c + 1] - first[c];
        if (!dirty_[c] || size == 0) continue;
        std::ranges::fill(sum, 0.0);
        for (auto at = first[c]; at < first[c + 1]; ++at) {
          const float* x = row_of(x_, rows[at]);
          for (std::int64_t i = 0; i < dim_; ++i) sum[i] += x[i];
        }
        float* centroid = row_of(centroids_, c);
        for (std::int64_t i = 0; i < dim_; ++i) {
          const auto mean = static_cast<float>(sum[i] / static_cast<double>(size));
          moved_[c] = moved_[c] || mean != centroid[i];
          centroid[i] = mean;
        }
      }
    });
    std::ranges::fill(dirty_, false);
    return std::ranges::find(moved_, true) != moved_.end();
  }

  [[nodiscard]] Clustering result() const {
    const auto device = features_.device();
    return {centroids_.to(device), tensor_of(nearest_).to(device), std::accumulate(distances_.begin(), distances_.end(), 0.0)};
  }

 private:
  static float* row_of(const torch::Tensor& matrix, std::int64_t row) { return matrix.data_ptr<float>() + row * matrix.size(1); }

  [[nodiscard]] double measure(std::int64_t row, std::int64_t centroid) const {
    return detail::squared_distance(row_of(x_, row), row_of(centroids_, centroid), dim_);
  }

  // Each of these rows against these centroids (none named: all, and the one it has does not count).
  void compare(const std::vector<std::int64_t>& rows, const std::vector<std::int64_t>& centroids) {
    if (rows.empty()) return;
    const auto count = static_cast<std::int64_t>(rows.size());
    const auto queries = count == count_ ? features_ : features_.index_select(0, tensor_of(rows).to(features_.device()));
    const auto gallery = centroids.empty() ? centroids_ : centroids_.index_select(0, tensor_of(centroids));
    const auto found = nearest_neighbours(queries, gallery.to(features_.device()), 1).indices.cpu();
    const auto* index = found.data_ptr<std::int64_t>();
    std::vector<std::int64_t> before(count);
    at::parallel_for(0, count, 256, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = begin; i < end; ++i) {
        const auto row = rows[i], candidate = centroids.empty() ? index[i] : centroids[index[i]];
        const double distance = measure(row, candidate);
        before[i] = nearest_[row];
        if (!centroids.empty() && std::tuple(distances_[row], nearest_[row]) <= std::tuple(distance, candidate)) continue;
        distances_[row] = distance;
        nearest_[row] = candidate;
      }
    });
    for (std::int64_t i = 0; i < count; ++i) {
      if (before[i] != nearest_[rows[i]]) dirty_[before[i]] = dirty_[nearest_[rows[i]]] = true;
    }
  }

  // Drops the rows for which the triangle inequality excludes all moved centroids.
  void spare(std::vector<std::int64_t>& rows, const std::vector<std::int64_t>& moved) {
    if (!sparing_) return;
    std::vector<std::int64_t> ids(k_);
    std::iota(ids.begin(), ids.end(), 0);
    const auto device = features_.device();
    const auto named = tensor_of(moved);
    const auto gaps =
        nearest_neighbours(centroids_.to(device), centroids_.index_select(0, named).to(device), 1, tensor_of(ids), named)
            .distances.cpu();
    const float* gap = gaps.data_ptr<float>();
    const auto before = static_cast<double>(rows.size());
    std::erase_if(rows, [&](std::int64_t row) {
      // 1e-5: the rounding of the gap to float32 and of the roots, many times over.
      return gap[nearest_[row]] * (1 - 1e-5) > 2 * std::sqrt(distances_[row]);
    });
    sparing_ = before - static_cast<double>(rows.size()) > static_cast<double>(k_);
  }

  // Gives each empty cluster one of the rows farthest from their centroids. Such a row keeps its distance, which still bounds those
  // to the centroids that stay.
  void fill_empty(const std::vector<std::int64_t>& first) {
    std::vector<std::int64_t> size(first.begin() + 1, first.end()), order(count_);
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, [&](std::int64_t a, std::int64_t b) { return distances_[a] > distances_[b]; });
    auto candidate = order.begin();
    for (std::int64_t c = 0; c < k_; ++c) {
      if (size[c] > 0) continue;
      while (candidate != order.end() && size[nearest_[*candidate]] < 2) ++candidate;
      if (candidate == order.end() || !(distances_[*candidate] > 0)) return;
      const auto row = *candidate++;
      --size[nearest_[row]];
      ++size[c];
      dirty_[nearest_[row]] = dirty_[c] = true;
      nearest_[row] = c;
    }
  }

  torch::Tensor features_, x_;
  std::int64_t count_, dim_, k_;
  torch::Tensor centroids_;            // [k, D] on the CPU
  std::vector<char> moved_;            // since the last assignment
  std::vector<char> dirty_;            // clusters whose rows changed since the last update
  std::vector<std::int64_t> nearest_;  // of each row
  std::vector<double> distances_;      // squared, to that centroid as of the last assignment
  bool sparing_ = true;
};

// k rows of x by k-means++. A row is not measured against a new centroid that lies at least twice as far from the row's nearest one
// as the row does.
torch::Tensor spread_rows(const torch::Tensor& x, std::int64_t k, Generator& generator) {
  const auto count = x.size(0), dim = x.size(1);
  const float* data = x.data_ptr<float>();
  std::vector<std::int64_t> chosen, nearest(count, 0);  // positions in `chosen`
  std::vector<double> distances(count, infinity), gaps(k);
  while (static_cast<std::int64_t>(chosen.size()) < k) {
    const auto place = static_cast<std::int64_t>(chosen.size());
    std::int64_t row = 0;
    if (const double total = place == 0 ? 0 : std::accumulate(distances.begin(), distances.end(), 0.0); total > 0) {
      // The last row with a chance takes what rounding leaves over.
      double left = generator.uniform() * total;
      for (std::int64_t i = 0; i < count; ++i) {
        if (!(distances[i] > 0)) continue;
        row = i;
        left -= distances[i];
        if (left < 0) break;
      }
    } else {
      row = generator.below(count);  // the first, or all rows lie on chosen ones
    }
    const float* centre = data + row * dim;
    at::parallel_for(0, place, 256, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = begin; i < end; ++i) gaps[i] = detail::squared_distance(data + chosen[i] * dim, centre, dim);
    });
    chosen.push_back(row);
    at::parallel_for(0, count, 256, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = begin; i < end; ++i) {
        if (place > 0 && gaps[nearest[i]] * (1 - 1e-9) >= 4 * distances[i]) continue;
        const double distance = detail::squared_distance(data + i * dim, centre, dim);
        if (distance < distances[i]) std::tie(distances[i], nearest[i]) = std::tuple(distance, place);
      }
    });
  }
  return tensor_of(chosen);
}

}  // namespace

Clustering kmeans(const torch::Tensor& features, std::int64_t k, Generator& generator, const KmeansOptions& options) {
  constexpr auto function = "kmeans";
  validate_fields(function, options);
  detail::check_embeddings(function, features, "features");
  const auto count = features.size(0);
  if (k < 1 || k > count)
    detail::fail<OptionError>(function, "k", fmt::format("in [1, rows of features] = [1, {}]", count), std::to_string(k));
  const torch::NoGradGuard no_gradient;
  const auto x = features.detach().to(torch::kFloat32).contiguous(), on_cpu = x.cpu();
  detail::check_finite(function, "features", x);

  const Generator source(generator.next());
  Lloyd lloyd(x, on_cpu, k);
  Clustering best{.centroids = {}, .assignments = {}, .objective = infinity};
  for (std::int64_t restart = 0; restart < options.restarts; ++restart) {
    auto draw = source.fork(static_cast<std::uint64_t>(restart));
    lloyd.start(options.initialisation == Initialisation::random ? draw.permutation(count).slice(0, 0, k)
                                                                 : spread_rows(on_cpu, k, draw));
    bool moving = true;
    for (std::int64_t iteration = 0; moving && iteration < options.iterations; ++iteration) {
      lloyd.assign();
      moving = lloyd.update();
    }
    if (moving) lloyd.assign();
    if (auto found = lloyd.result(); found.objective < best.objective) best = std::move(found);
  }
  return best;
}

}  // namespace diva::inline v0_1
