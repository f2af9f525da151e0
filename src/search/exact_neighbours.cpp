#include "exact_neighbours.hpp"

#include <ATen/Parallel.h>
#include <torch/utils.h>
#include <diva/core/checks.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <mutex>
#include <numeric>
#include <optional>
#include <span>
#include <vector>

#include "code_errors.hpp"
#include "measured_order.hpp"
#include "neighbour_codes.hpp"
#include "neighbour_lists.hpp"
#include "neighbour_rows.hpp"
#include "pair_measure.hpp"

namespace diva::inline v0_1::detail {
namespace {

// What single precision multiplies without harm.
bool tame(double length) { return length > 0x1p-30 && length < 0x1p30; }

// A power of two: exact, and what it brings to about 1 neither overflows nor vanishes when squared.
double scale_for(double largest) {
  return largest == 0 || tame(largest) ? 1 : std::ldexp(1.0, -std::clamp(std::ilogb(largest) + 1, -1000, 1000));
}

// body(task, worker's own state) for all tasks, each taken by the next free worker.
template <class State, class Body>
void for_each_task(std::int64_t count, Body&& body) {
  std::atomic<std::int64_t> next{0};
  at::parallel_for(0, std::min<std::int64_t>(at::get_num_threads(), count), 1, [&](std::int64_t, std::int64_t) {
    State state;
    for (auto task = next.fetch_add(1); task < count; task = next.fetch_add(1)) body(task, state);
  });
}

Neighbours no_neighbours(std::int64_t queries, std::int64_t k, torch::ScalarType type) {
  return {torch::full({queries, k}, -1, torch::kInt64), torch::full({queries, k}, std::numeric_limits<double>::infinity(), type)};
}

// Where lists go: to the rows of the queries in tensors that hold no neighbours yet; or, where there is a visitor, to it.
struct Output {
  torch::Tensor indices, distances;
  NeighbourVisitor visit = {};
  std::int64_t listed_at_once = 0;
};

// The search in the type T of the features; the method and its bounds stand at nearest_neighbours.
template <class T>
class Search {
 public:
  Search(const torch::Tensor& queries, const torch::Tensor& gallery, std::int64_t k, const torch::Tensor& query_ids,
         const torch::Tensor& gallery_ids, const NeighbourOptions& options, const ExactMethod& method)
      : symmetric_(queries.is_same(gallery)),
        queries_(rows_of<T>("queries", queries, query_ids)),
        gallery_(rows_of<T>(symmetric_ ? "features" : "gallery", gallery, gallery_ids)),
        similarity_(options.similarity),
        method_(method),
        listed_(k),
        k_(std::min(k, gallery_.count)) {
    prepare();
    choose_tiles(options);
    if (symmetric_) {
      row_order_ = column_order_ = spread_order(gallery_.count);
    } else {
      column_order_ = spread_order(gallery_.count);
      row_order_.resize(queries_.count);
      std::iota(row_order_.begin(), row_order_.end(), 0);
    }
    if (queries_.ids) {
      row_ids_ = ids_in_order(queries_, row_order_);
      column_ids_ = ids_in_order(gallery_, column_order_);
    }
    const bool able = method.kernel != Kernel::avx2 && queries_.dim <= 65536;
    encode(able && (method.codes == CodeWidth::eight || (method.codes == CodeWidth::automatic && method.kernel == Kernel::avx512)));
  }

  /// Returns the queries whose limit was guessed too low.
  std::vector<std::int64_t> run(const Output& output) {
    const auto group_tiles =
        std::max<std::int64_t>(1, std::min(fitting(), queries_.count) / row_tile_ + (fitting() >= queries_.count));
    for (std::int64_t first = 0; first < row_tiles(); first += group_tiles) {
      first_tile_ = first;
      last_tile_ = std::min(first + group_tiles, row_tiles());
      if (!lists_) lists_.emplace(k_, gallery_.count, rows_of_group().size());
      search_group();
      write_group(output);
    }
    return std::move(failed_);
  }

 private:
  struct TileState {
    std::mutex mutex;
    std::int64_t seen = 0, tighten_at = 0;  // columns that its lists have met; when to lower the limits next
  };
  struct Task {
    std::int32_t row_tile, column_tile;
  };
  struct Workspace {
    std::vector<std::uint8_t> scratch;
    std::vector<float> row_limits, column_limits, scores;
    std::vector<float> row_wanted, column_wanted;  // D of the codes that the lists want
    std::vector<std::uint32_t> survivors;
    std::vector<std::int32_t> products;
    std::vector<std::int64_t> ends;
    std::vector<std::uint32_t> pairs;   // the survivors that are measured, row by row
    std::vector<T> distances;           // theirs
    std::vector<std::int32_t> indices;  // of pairs of one row
    typename PairMeasure<T>::Workspace measuring;
    std::vector<MeasuredRow> measured, equal;
    MeasuredOrder order;
  };
  struct Range {
    std::int64_t begin, end;
    [[nodiscard]] std::int64_t size() const { return end - begin; }
  };

  [[nodiscard]] bool euclidean() const { return similarity_ == Similarity::euclidean; }
  [[nodiscard]] bool cosine() const { return similarity_ == Similarity::cosine; }

  // ---- before the search

  // What is checked, the centre and the scales.
  void prepare() {
    const std::vector<double> one{1.0}, nowhere(gallery_.dim, 0.0);
    centre_ = euclidean() ? mean_of(gallery_, one) : nowhere;
    gallery_lengths_ = lengths_about(centre_, gallery_, method_.kernel);  // first: it finds what made the centre NaN
    check_values(gallery_, gallery_lengths_, similarity_);
    if (!symmetric_) {
      query_lengths_ = lengths_about(centre_, queries_, method_.kernel);
      check_values(queries_, query_lengths_, similarity_);
    }
    measure_ = {method_.kernel, similarity_, queries_, gallery_, query_lengths(), gallery_lengths_};
    if (cosine()) {
      const auto inverse = [](const std::vector<double>& lengths) {
        std::vector<double> inverses(lengths);
        for (auto& value : inverses) value = 1 / value;
        return inverses;
      };
      gallery_times_ = inverse(gallery_lengths_);
      query_times_ = inverse(query_lengths());
      centre_ = mean_of(gallery_, gallery_times_);
    } else {
      const auto longest = [](const std::vector<double>& lengths) { return *std::ranges::max_element(lengths); };
      const double of_gallery = longest(gallery_lengths_), of_queries = longest(query_lengths());
      gallery_times_ = {scale_for(euclidean() ? std::max(of_gallery, of_queries) : of_gallery)};
      query_times_ = {euclidean() ? gallery_times_[0] : scale_for(of_queries)};
      for (auto& value : centre_) value *= gallery_times_[0];
    }
  }

  [[nodiscard]] const std::vector<double>& query_lengths() const { return symmetric_ ? gallery_lengths_ : query_lengths_; }

  // Tiles whose codes stay in the second cache, and enough of them for all threads.
  void choose_tiles(const NeighbourOptions& options) {
    constexpr std::int64_t cache = 256 << 10, step = panel_rows * panels_at_once;
    auto tile = std::clamp(cache / std::max<std::int64_t>(queries_.dim, 1) / step * step, step, 20 * step);
    const auto tasks = [&](std::int64_t size) { return (queries_.count / size) * (gallery_.count / size) / (symmetric_ ? 2 : 1); };
    while (tile > step && tasks(tile) < 16 * at::get_num_threads()) tile = std::max(step, tile / 2 / step * step);
    const auto whole_panels = [](std::int64_t rows) { return (rows + panel_rows - 1) / panel_rows * panel_rows; };
    row_tile_ = std::min(tile, whole_panels(symmetric_ ? std::min(options.query_tile, options.gallery_tile) : options.query_tile));
    row_tile_ = std::min(row_tile_, std::max(panel_rows, fitting() / panel_rows * panel_rows));
    column_tile_ = symmetric_ ? row_tile_ : std::min(tile, whole_panels(options.gallery_tile));
  }

  // Lists that are held at once.
  [[nodiscard]] std::int64_t fitting() const { return method_.list_bytes / NeighbourLists<T>::bytes(k_, gallery_.count); }

  void encode(bool narrow) {
    const auto source = [&](const Rows<T>& rows, const std::vector<std::int32_t>& order, const std::vector<double>& times) {
      return RowSource<T>{rows.data, rows.count, rows.dim, order, times, centre_, similarity_ != Similarity::dot};
    };
    column_codes_ = encode_rows(source(gallery_, column_order_, gallery_times_), narrow);
    if (!symmetric_) row_codes_ = encode_rows(source(queries_, row_order_, query_times_), narrow);
    row_bounds_ = bounds_of(row_codes(), row_tile_);
    column_bounds_ = bounds_of(column_codes_, column_tile_);
    double centre_length = 0;
    for (const double value : centre_) centre_length += value * value;
    errors_ = {row_codes(), column_codes_, product_factor(), std::sqrt(centre_length), measuring_error()};
  }

  // Of the product in D.
  [[nodiscard]] float product_factor() const { return similarity_ == Similarity::dot ? 1 : 2; }

  // Absolute, of D where it is measured; that of the others is relative to what the codes' own error already covers.
  [[nodiscard]] double measuring_error() const { return cosine() ? 0x1p-49 * (static_cast<double>(queries_.dim) + 8) : 0; }

  // Where the search goes along them, row by row and column by column.
  static std::vector<std::int64_t> ids_in_order(const Rows<T>& rows, const std::vector<std::int32_t>& order) {
    std::vector<std::int64_t> ids(order.size());
    for (std::size_t place = 0; place < order.size(); ++place) ids[place] = rows.ids[order[place]];
    return ids;
  }

  [[nodiscard]] const RowCodes& row_codes() const { return symmetric_ ? column_codes_ : row_codes_; }

  // The largest of a tile.
  struct Bounds {
    double residual = 0, reach = 0, offset = 0, offset_error = 0;
  };

  static std::vector<Bounds> bounds_of(const RowCodes& codes, std::int64_t tile) {
    std::vector<Bounds> bounds((codes.count + tile - 1) / tile);
    const auto raise = [](double& bound, double value) { bound = std::max(bound, value); };
    for (std::int64_t p = 0; p < codes.count; ++p) {
      auto& bound = bounds[p / tile];
      raise(bound.residual, codes.residual[p]);
      raise(bound.reach, codes.reach[p]);
      raise(bound.offset, codes.offset[p]);
      raise(bound.offset_error, codes.offset_error[p]);
    }
    return bounds;
  }

  [[nodiscard]] std::int64_t row_tiles() const { return (queries_.count + row_tile_ - 1) / row_tile_; }
  [[nodiscard]] std::int64_t column_tiles() const { return (gallery_.count + column_tile_ - 1) / column_tile_; }
  [[nodiscard]] Range rows_of_tile(std::int64_t tile) const {
    return {tile * row_tile_, std::min((tile + 1) * row_tile_, queries_.count)};
  }
  [[nodiscard]] Range columns_of_tile(std::int64_t tile) const {
    return {tile * column_tile_, std::min((tile + 1) * column_tile_, gallery_.count)};
  }

  // ---- distances and limits

  // D of the codes at most for a distance that rounds to this one.
  [[nodiscard]] float wanted(T limit) const {
    if (limit == infinity) return std::numeric_limits<float>::infinity();
    const double distance = std::nextafter(limit, infinity);
    const double d = cosine()      ? 2 * distance  // |x − y|² = 2 − 2 x·y for rows of length 1
                     : euclidean() ? distance * distance * query_times_[0] * gallery_times_[0]
                                   : distance * query_times_[0] * gallery_times_[0];
    return std::nextafter(static_cast<float>(d * (1 + 0x1p-48 * (d < 0 ? -1 : 1))), std::numeric_limits<float>::infinity());
  }

  // The distance for D of the codes.
  [[nodiscard]] T distance_of(double d) const {
    if (cosine()) return static_cast<T>(d / 2);
    const double distance = d / (query_times_[0] * gallery_times_[0]);
    return static_cast<T>(euclidean() ? std::sqrt(std::max(distance, 0.0)) : distance);
  }

  // What the first products are held against: wanted, for a row with these bounds against a tile with those.
  [[nodiscard]] float code_limit(const RowCodes& codes, std::int64_t place, float wanted, const Bounds& tile) const {
    if (wanted == std::numeric_limits<float>::infinity()) return wanted;
    const double factor = product_factor(), residual = codes.residual[place], reach = codes.reach[place],
                 offset = codes.offset[place];
    double error = factor * (residual * tile.reach + reach * tile.residual) + codes.offset_error[place] + tile.offset_error;
    error += 0x1p-22 * (factor * reach * tile.reach + offset + tile.offset + std::abs(wanted));  // single precision in the filter
    error += 4 * (static_cast<double>(queries_.dim) + 8) * std::numeric_limits<float>::min() + measuring_error();
    return static_cast<float>(wanted + 1.01 * error - offset);
  }

  // ---- one group of queries

  void search_group() {
    const auto queries = rows_of_group();
    lists_->begin(queries.begin, queries.size());
    states_ = std::vector<TileState>(last_tile_ - first_tile_);
    for_each_task<Workspace>(last_tile_ - first_tile_,
                             [&](std::int64_t task, Workspace& work) { guess_limits(first_tile_ + task, work); });

    const auto tasks = tasks_of_group();
    const auto count = static_cast<std::int64_t>(tasks.size());
    std::int64_t done = 0;
    const auto run_up_to = [&](std::int64_t end) {
      for_each_task<Workspace>(end - done, [&](std::int64_t task, Workspace& work) { search_tile(tasks[done + task], work); });
      done = end;
    };
    if (row_codes().narrow && method_.codes == CodeWidth::automatic) {
      // The limits fall as the search goes on, and with them what passes in vain: early, only a large excess of cost is held
      // against narrow codes.
      for (const auto& [share, excess] : {std::pair{0.03, 8.0}, std::pair{0.1, 2.0}, std::pair{0.3, 1.0}}) {
        wasted_ = tried_ = 0;
        run_up_to(static_cast<std::int64_t>(share * static_cast<double>(count)));
        if (narrow_codes_cost() > excess) {
          encode(false);
          break;
        }
      }
    }
    run_up_to(count);
  }

  [[nodiscard]] Range rows_of_group() const { return {first_tile_ * row_tile_, rows_of_tile(last_tile_ - 1).end}; }

  // In squares of tiles whose rows the last cache holds; in a square by diagonals: tasks that follow one another share no tile, so
  // that threads do not wait for one another.
  [[nodiscard]] std::vector<Task> tasks_of_group() const {
    const auto bytes = row_tile_ * queries_.dim * static_cast<std::int64_t>(sizeof(T));
    const auto side = std::clamp<std::int64_t>((8 << 20) / std::max<std::int64_t>(bytes, 1), 1, 64);
    std::vector<Task> tasks;
    for (std::int64_t left = 0; left < column_tiles(); left += side) {
      for (auto top = first_tile_; top < last_tile_; top += side) {
        for (std::int64_t shift = 0; shift < side; ++shift) {
          for (auto row = top; row < std::min(top + side, last_tile_); ++row) {
            const auto column = left + (row - top + shift) % side;
            if (column >= column_tiles() || (serves_columns(column) && column < row)) continue;  // the latter by the other side
            tasks.push_back({static_cast<std::int32_t>(row), static_cast<std::int32_t>(column)});
          }
        }
      }
    }
    return tasks;
  }

  // Whether the columns of the tile are queries of this group.
  [[nodiscard]] bool serves_columns(std::int64_t tile) const { return symmetric_ && tile >= first_tile_ && tile < last_tile_; }

  // A product of 8 bits costs about half one of 16, but pairs that pass it in vain are scored one by one: the time that these took
  // as a multiple of what the products saved.
  [[nodiscard]] double narrow_codes_cost() const {
    if (tried_ == 0) return 0;
    const double dim = static_cast<double>(queries_.dim), in_vain = static_cast<double>(wasted_) / static_cast<double>(tried_);
    return in_vain * (15 + 0.03 * dim) / (0.005 * dim);  // nanoseconds a pair, on a Zen 4
  }

  [[nodiscard]] TileState& state(std::int64_t tile) { return states_[tile - first_tile_]; }
  [[nodiscard]] bool excluded(std::int64_t place, std::int64_t column) const {
    return !row_ids_.empty() && row_ids_[place] == column_ids_[column];
  }

  // Of so many columns seen, as many as hold the k nearest of all but for three standard deviations: about one query in a thousand
  // is then searched again, which costs less than longer lists would.
  [[nodiscard]] std::int64_t rank_after(std::int64_t seen) const {
    const double expected = static_cast<double>(k_) * static_cast<double>(seen) / static_cast<double>(gallery_.count);
    return static_cast<std::int64_t>(std::ceil(expected + 3 * std::sqrt(expected) + 4));
  }

  [[nodiscard]] CodeTile code_tile(Range rows, Range columns, Workspace& work) const {
    const RowCodes &left = row_codes(), &right = column_codes_;
    const auto panels = [](Range range) { return (range.size() + panel_rows - 1) / panel_rows; };
    work.scratch.resize(panels_at_once * right.steps * step_bytes + step_bytes);
    auto* scratch = work.scratch.data();
    scratch += (step_bytes - reinterpret_cast<std::uintptr_t>(scratch) % step_bytes) % step_bytes;
    return {left.panel(rows.begin / panel_rows),
            right.panel(columns.begin / panel_rows),
            panels(rows),
            panels(columns),
            right.steps,
            &left.start[rows.begin],
            nullptr,
            &left.offset[rows.begin],
            nullptr,
            &right.factor[columns.begin],
            &right.offset[columns.begin],
            nullptr,
            scratch};
  }

  // 2 or 1 times the factors of the rows.
  void row_factors(Range rows, std::vector<float>& factors) const {
    factors.assign((rows.size() + panel_rows - 1) / panel_rows * panel_rows, 0);
    for (auto p = rows.begin; p < rows.end; ++p) factors[p - rows.begin] = product_factor() * row_codes().factor[p];
  }

  // First limits, from the scores of a sample of the gallery.
  void guess_limits(std::int64_t tile, Workspace& work) {
    const auto rows = rows_of_tile(tile);
    const Range sample{0, std::min<std::int64_t>(gallery_.count, 20 * panel_rows * panels_at_once)};
    const auto rank = rank_after(sample.size());
    if (!method_.guess || rank > sample.size() / 2) return;
    auto codes = code_tile(rows, sample, work);
    std::vector<float> factors;
    row_factors(rows, factors);
    codes.row_factor = factors.data();
    const auto width = codes.column_panels * panel_rows;
    work.scores.resize(codes.row_panels * panel_rows * width);
    score_tile(method_.kernel, row_codes().narrow, codes, work.scores.data());
    std::vector<float> eligible;
    for (auto p = rows.begin; p < rows.end; ++p) {
      const float* scores = &work.scores[(p - rows.begin) * width];
      eligible.clear();
      for (std::int64_t j = 0; j < sample.size(); ++j) {
        if (!excluded(p, j)) eligible.push_back(scores[j]);
      }
      if (rank > static_cast<std::int64_t>(eligible.size())) continue;
      std::ranges::nth_element(eligible, eligible.begin() + rank - 1);
      lists_->guess_limit(p, distance_of(eligible[rank - 1]));
    }
  }

  void search_tile(const Task& task, Workspace& work) {
    const auto rows = rows_of_tile(task.row_tile), columns = columns_of_tile(task.column_tile);
    const bool both = serves_columns(task.column_tile) && task.column_tile != task.row_tile;
    auto codes = code_tile(rows, columns, work);
    std::vector<float> factors;
    row_factors(rows, factors);
    const auto limits = [&](std::int64_t tile, Range range, const RowCodes& own, const Bounds& other, std::vector<float>& wants,
                            std::vector<float>& out) {
      const std::lock_guard lock(state(tile).mutex);
      for (auto p = range.begin; p < range.end; ++p) {
        wants[p - range.begin] = wanted(lists_->limit(p));
        out[p - range.begin] = code_limit(own, p, wants[p - range.begin], other);
      }
    };
    constexpr float nothing = -std::numeric_limits<float>::infinity();
    for (auto* all : {&work.row_limits, &work.row_wanted}) all->assign(codes.row_panels * panel_rows, nothing);
    for (auto* all : {&work.column_limits, &work.column_wanted}) all->assign(codes.column_panels * panel_rows, nothing);
    limits(task.row_tile, rows, row_codes(), column_bounds_[task.column_tile], work.row_wanted, work.row_limits);
    if (both) limits(task.column_tile, columns, column_codes_, row_bounds_[task.row_tile], work.column_wanted, work.column_limits);
    codes.row_factor = factors.data();
    codes.row_limit = work.row_limits.data();
    codes.column_limit = work.column_limits.data();

    work.survivors.resize(work.row_limits.size() * work.column_limits.size() + panel_rows);
    work.products.resize(work.survivors.size());
    const auto count = filter_tile(method_.kernel, column_codes_.narrow, codes, work.survivors.data(), work.products.data());
    const auto wasted = count - choose_pairs(rows, columns, count, work);
    measure_pairs(rows, columns, work);
    keep(task.row_tile, columns.size(), [&] {
      for (std::size_t n = 0; n < work.pairs.size(); ++n) {
        append(rows.begin + (work.pairs[n] >> 16), columns.begin + (work.pairs[n] & 0xFFFF), work.distances[n], work);
      }
    });
    if (both) {
      keep(task.column_tile, rows.size(), [&] {
        for (std::size_t n = 0; n < work.pairs.size(); ++n) {
          append(columns.begin + (work.pairs[n] & 0xFFFF), rows.begin + (work.pairs[n] >> 16), work.distances[n], work);
        }
      });
    }
    wasted_ += wasted;
    tried_ += rows.size() * columns.size();
  }

  // The survivors that either list may want by their codes of 16 bits, row by row. Returns how many.
  std::int64_t choose_pairs(Range rows, Range columns, std::int64_t count, Workspace& work) const {
    const auto &left = row_codes().fine, &right = column_codes_.fine;
    if (row_codes().narrow) {
      survivor_products(method_.kernel, {left.row(rows.begin), right.row(columns.begin), left.stride, work.survivors.data(), count},
                        work.products.data());
    }
    work.ends.assign(rows.size() + 1, 0);
    std::int64_t chosen = 0;
    for (std::int64_t s = 0; s < count; ++s) {
      const auto i = work.survivors[s] >> 16, j = work.survivors[s] & 0xFFFF;
      const auto row = rows.begin + i, column = columns.begin + j;
      const float product = static_cast<float>(work.products[s]) * right.factor[column] * (product_factor() * left.factor[row]);
      const float lowest = row_codes().offset[row] + column_codes_.offset[column] - product - errors_(row, column);
      if (!(lowest <= work.row_wanted[i]) && !(lowest <= work.column_wanted[j])) continue;
      work.survivors[chosen++] = work.survivors[s];
      ++work.ends[i + 1];
    }
    std::partial_sum(work.ends.begin(), work.ends.end(), work.ends.begin());
    work.pairs.resize(chosen);
    for (std::int64_t s = 0; s < chosen; ++s) work.pairs[work.ends[work.survivors[s] >> 16]++] = work.survivors[s];
    return chosen;
  }

  void measure_pairs(Range rows, Range columns, Workspace& work) const {
    work.distances.resize(work.pairs.size());
    for (std::size_t begin = 0; begin < work.pairs.size();) {
      const auto i = work.pairs[begin] >> 16;
      work.indices.clear();
      for (auto n = begin; n < work.pairs.size() && work.pairs[n] >> 16 == i; ++n) {
        work.indices.push_back(column_order_[columns.begin + (work.pairs[n] & 0xFFFF)]);
      }
      measure_.round_distances(row_order_[rows.begin + i], work.indices, &work.distances[begin], work.measuring);
      begin += work.indices.size();
    }
  }

  // Has the tile's lists meet so many columns, and lowers their limits when they have seen enough.
  template <class Meet>
  void keep(std::int64_t tile, std::int64_t columns, Meet&& meet) {
    auto& own = state(tile);
    const std::lock_guard lock(own.mutex);
    const auto range = rows_of_tile(tile);
    for (auto p = range.begin; p < range.end; ++p) lists_->prefetch(p);
    meet();
    own.seen += columns;
    if (own.seen < own.tighten_at) return;
    own.tighten_at = 2 * own.seen;
    const auto rank = method_.guess ? std::min(k_, rank_after(own.seen)) : k_;
    for (auto p = range.begin; p < range.end; ++p) lists_->lower_limit(p, rank);
  }

  void append(std::int64_t place, std::int64_t column, T distance, Workspace& work) {
    if (!(distance <= lists_->limit(place)) || excluded(place, column)) return;
    if (lists_->full(place)) {
      make_room(place, work);
      if (!(distance <= lists_->limit(place))) return;
    }
    lists_->append(place, {distance, static_cast<std::int32_t>(column)});
  }

  // By the distances, or where too many round to the last one, by what they were before.
  void make_room(std::int64_t place, Workspace& work) {
    lists_->lower_limit(place, k_);
    if (lists_->roomy(place)) return;
    work.equal.clear();
    for (const auto& candidate : lists_->candidates(place)) work.equal.push_back({0, column_order_[candidate.column]});
    measure_.measure(row_order_[place], work.equal, work.measuring);
    work.measured = work.equal;
    std::ranges::nth_element(work.measured, work.measured.begin() + k_ - 1);
    lists_->retain(place, [&](std::size_t c) { return work.equal[c] <= work.measured[k_ - 1]; });
  }

  // ---- after it

  // Sorts and hands over the lists of the group.
  void write_group(const Output& output) {
    const auto group = rows_of_group();
    std::vector<char> complete(group.size());
    for_each_task<Workspace>(last_tile_ - first_tile_, [&](std::int64_t task, Workspace&) {
      const auto range = rows_of_tile(first_tile_ + task);
      for (auto p = range.begin; p < range.end; ++p) complete[p - group.begin] = lists_->is_complete(p);
    });
    std::vector<std::int64_t> places;
    for (auto p = group.begin; p < group.end; ++p)
      complete[p - group.begin] ? places.push_back(p) : failed_.push_back(row_order_[p]);
    const auto block =
        static_cast<std::size_t>(std::max<std::int64_t>(1, output.visit ? output.listed_at_once / listed_ : group.size()));
    for (std::span<const std::int64_t> rest(places); !rest.empty();) {
      const auto now = rest.first(std::min(block, rest.size()));
      rest = rest.subspan(now.size());
      output.visit ? visit_block(now, output) : write_block(now, output.indices, output.distances, false);
    }
  }

  void visit_block(std::span<const std::int64_t> places, const Output& output) {
    const auto rows = torch::empty({std::ssize(places)}, torch::kInt64);
    for (std::size_t n = 0; n < places.size(); ++n) rows.data_ptr<std::int64_t>()[n] = row_order_[places[n]];
    const auto found = no_neighbours(std::ssize(places), listed_, c10::CppTypeToScalarType<T>());
    write_block(places, found.indices, found.distances, true);
    output.visit(rows, found);
  }

  // To the rows of the queries, or one after the other.
  void write_block(std::span<const std::int64_t> places, const torch::Tensor& indices, const torch::Tensor& distances,
                   bool in_sequence) {
    constexpr std::int64_t together = 64;
    for_each_task<Workspace>((std::ssize(places) + together - 1) / together, [&](std::int64_t task, Workspace& work) {
      for (auto n = task * together; n < std::min((task + 1) * together, std::ssize(places)); ++n) {
        const auto query = row_order_[places[n]];
        sort(places[n], work);
        write(in_sequence ? n : query, work.measured, indices, distances);
      }
    });
  }

  // The list in order, by rounded distances, and where these are equal, by what they were before. It holds no more than are at most
  // as far as the last listed.
  void sort(std::int64_t place, Workspace& work) {
    auto& rows = work.measured;
    rows.clear();
    for (const auto& [distance, column] : lists_->candidates(place)) rows.push_back({distance, column_order_[column]});
    if (rows.empty()) return;
    work.order.sort(rows, std::ssize(rows));
    for (std::int64_t begin = 0; begin < std::min(k_, std::ssize(rows));) {
      auto end = begin + 1;
      while (end < std::ssize(rows) && rows[end].distance == rows[begin].distance) ++end;
      if (end - begin > 1) {
        const double rounded = rows[begin].distance;
        const std::span equal(&rows[begin], static_cast<std::size_t>(end - begin));
        measure_.measure(row_order_[place], equal, work.measuring);
        std::ranges::sort(equal);
        for (auto& row : equal) row.distance = rounded;
      }
      begin = end;
    }
    rows.resize(std::min(k_, std::ssize(rows)));
  }

  void write(std::int64_t row, const std::vector<MeasuredRow>& measured, const torch::Tensor& indices,
             const torch::Tensor& distances) const {
    auto* index = indices.data_ptr<std::int64_t>() + row * listed_;
    auto* out = distances.data_ptr<T>() + row * listed_;
    for (std::size_t rank = 0; rank < measured.size(); ++rank) {
      index[rank] = measured[rank].index;
      out[rank] = static_cast<T>(measured[rank].distance);
    }
  }

  static constexpr T infinity = std::numeric_limits<T>::infinity();

  bool symmetric_;
  Rows<T> queries_, gallery_;
  Similarity similarity_;
  ExactMethod method_;
  std::int64_t listed_, k_;  // ranks of a result; of a list, which the gallery may end

  std::vector<double> centre_, gallery_lengths_, query_lengths_, gallery_times_, query_times_;
  PairMeasure<T> measure_;
  std::int64_t row_tile_ = 0, column_tile_ = 0;
  std::vector<std::int32_t> row_order_, column_order_;
  std::vector<std::int64_t> row_ids_, column_ids_;  // in these orders; empty where there are none
  RowCodes row_codes_, column_codes_;
  std::vector<Bounds> row_bounds_, column_bounds_;
  CodeErrors errors_;

  std::int64_t first_tile_ = 0, last_tile_ = 0;  // of the group
  std::optional<NeighbourLists<T>> lists_;
  std::vector<TileState> states_;
  std::atomic<std::int64_t> wasted_{0}, tried_{0};
  std::vector<std::int64_t> failed_;
};

template <class T>
void search(const Output& output, const torch::Tensor& queries, const torch::Tensor& gallery, std::int64_t k,
            const torch::Tensor& query_ids, const torch::Tensor& gallery_ids, const NeighbourOptions& options,
            const ExactMethod& method) {
  if (queries.size(0) == 0 || gallery.size(0) == 0) {
    check_finite("nearest_neighbours", "queries", queries);
    check_finite("nearest_neighbours", "gallery", gallery);
    if (!output.visit || queries.size(0) == 0) return;
    for (const auto& rows : torch::arange(queries.size(0)).split(std::max<std::int64_t>(1, output.listed_at_once / k))) {
      output.visit(rows, no_neighbours(rows.size(0), k, queries.scalar_type()));
    }
    return;
  }
  const auto failed = Search<T>(queries, gallery, k, query_ids, gallery_ids, options, method).run(output);
  if (failed.empty()) return;
  auto careful = method;
  careful.guess = false;
  const auto rows = torch::tensor(failed, torch::kInt64);
  const NeighbourVisitor visit = [&](const torch::Tensor& of_failed, const Neighbours& found) {
    const auto named = rows.index_select(0, of_failed);
    if (output.visit) return output.visit(named, found);
    torch::Tensor(output.indices).index_copy_(0, named, found.indices);
    torch::Tensor(output.distances).index_copy_(0, named, found.distances);
  };
  search<T>({{}, {}, visit, output.visit ? output.listed_at_once : std::int64_t{1} << 22}, queries.index_select(0, rows), gallery,
            k, query_ids.defined() ? query_ids.index_select(0, rows) : query_ids, gallery_ids, options, careful);
}

}  // namespace

template <class T>
Neighbours exact_neighbours(const torch::Tensor& queries, const torch::Tensor& gallery, std::int64_t k,
                            const torch::Tensor& query_ids, const torch::Tensor& gallery_ids, const NeighbourOptions& options,
                            const ExactMethod& method) {
  const auto result = no_neighbours(queries.size(0), k, queries.scalar_type());
  search<T>({result.indices, result.distances}, queries, gallery, k, query_ids, gallery_ids, options, method);
  return result;
}

template <class T>
void visit_exact_neighbours(const torch::Tensor& queries, const torch::Tensor& gallery, std::int64_t k,
                            const torch::Tensor& query_ids, const torch::Tensor& gallery_ids, const NeighbourOptions& options,
                            std::int64_t listed_at_once, const NeighbourVisitor& visit, const ExactMethod& method) {
  search<T>({{}, {}, visit, listed_at_once}, queries, gallery, k, query_ids, gallery_ids, options, method);
}

template Neighbours exact_neighbours<float>(const torch::Tensor&, const torch::Tensor&, std::int64_t, const torch::Tensor&,
                                            const torch::Tensor&, const NeighbourOptions&, const ExactMethod&);
template void visit_exact_neighbours<float>(const torch::Tensor&, const torch::Tensor&, std::int64_t, const torch::Tensor&,
                                            const torch::Tensor&, const NeighbourOptions&, std::int64_t, const NeighbourVisitor&,
                                            const ExactMethod&);
template Neighbours exact_neighbours<double>(const torch::Tensor&, const torch::Tensor&, std::int64_t, const torch::Tensor&,
                                             const torch::Tensor&, const NeighbourOptions&, const ExactMethod&);
template void visit_exact_neighbours<double>(const torch::Tensor&, const torch::Tensor&, std::int64_t, const torch::Tensor&,
                                             const torch::Tensor&, const NeighbourOptions&, std::int64_t, const NeighbourVisitor&,
                                             const ExactMethod&);

}  // namespace diva::inline v0_1::detail
