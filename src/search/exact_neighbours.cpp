#include "exact_neighbours.hpp"

#include <ATen/Parallel.h>
#include <torch/utils.h>
#include <diva/core/checks.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <mutex>
#include <numeric>
#include <vector>

#include "measured_order.hpp"
#include "neighbour_codes.hpp"
#include "neighbour_rows.hpp"

namespace diva::detail {
namespace {

constexpr float no_limit = std::numeric_limits<float>::infinity();

double rounding(double terms, double unit) { return terms * unit / (1 - terms * unit); }

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
        k_(std::min(k, gallery_.count)),
        capacity_(std::min(k_ + k_ / 4 + 32, gallery_.count)),
        score_(euclidean() ? squared_distance<T>(method.kernel) : inner_product<T>(method.kernel)) {
    const double unit = std::numeric_limits<T>::epsilon() / 2, dim = static_cast<double>(queries_.dim);
    score_error_ = rounding(static_cast<double>(summation_depth(queries_.dim)) + 4, unit) + rounding(dim + 8, 0x1p-53);
    vanished_ = 4 * (dim + 8) * std::numeric_limits<T>::min();
    prepare(queries, gallery);
    choose_tiles(options);
    if (symmetric_) {
      row_order_ = column_order_ = spread_order(gallery_.count);
    } else {
      column_order_ = spread_order(gallery_.count);
      row_order_.resize(queries_.count);
      std::iota(row_order_.begin(), row_order_.end(), 0);
    }
    const bool able = method.kernel != Kernel::avx2 && queries_.dim <= 65536;
    encode(able && (method.codes == CodeWidth::eight || (method.codes == CodeWidth::automatic && method.kernel == Kernel::avx512)));
  }

  // Returns the queries whose limit was guessed too low.
  std::vector<std::int64_t> run(const torch::Tensor& indices, const torch::Tensor& distances) {
    const auto fitting = method_.list_bytes / (capacity_ * static_cast<std::int64_t>(sizeof(Candidate)));
    const auto group_tiles = std::max<std::int64_t>(1, std::min(fitting, queries_.count) / row_tile_ + (fitting >= queries_.count));
    for (std::int64_t first = 0; first < row_tiles(); first += group_tiles) {
      first_tile_ = first;
      last_tile_ = std::min(first + group_tiles, row_tiles());
      search_group(indices, distances);
    }
    return std::move(failed_);
  }

 private:
  struct Candidate {
    T score;
    std::int32_t index;
  };
  struct List {
    std::int64_t count = 0;
    T limit = std::numeric_limits<T>::infinity();  // rows of a larger score are not wanted
    T guess = std::numeric_limits<T>::infinity();  // the smallest limit that was not proven
  };
  struct TileState {
    std::mutex mutex;
    std::int64_t seen = 0, tighten_at = 0;  // columns that its lists have met; when to lower the limits next
  };
  struct Task {
    std::int32_t row_tile, column_tile;
  };
  struct Pending {
    std::int32_t place, index, slot;  // of a list among those measured together; of the gallery; of all their candidates
  };
  struct Workspace {
    std::vector<std::uint8_t> scratch;
    std::vector<float> row_limits, column_limits, scores;
    std::vector<std::uint32_t> survivors;
    std::vector<T> survivor_scores;
    std::vector<std::uint8_t> kept;  // by either list
    std::vector<MeasuredRow> measured;
    std::vector<const T*> rows;
    std::vector<double> distances;
    std::vector<Pending> pending;
    std::vector<double> sums;
    MeasuredOrder order;
  };
  struct Range {
    std::int64_t begin, end;
    [[nodiscard]] std::int64_t size() const { return end - begin; }
  };

  [[nodiscard]] bool euclidean() const { return similarity_ == Similarity::euclidean; }
  [[nodiscard]] bool cosine() const { return similarity_ == Similarity::cosine; }

  // ---- before the search

  // What is checked, the scales, and the rows that are scored directly.
  void prepare(const torch::Tensor& queries, const torch::Tensor& gallery) {
    const std::vector<double> one{1.0}, nowhere(gallery_.dim, 0.0);
    centre_ = euclidean() ? mean_of(gallery_, one) : nowhere;
    gallery_lengths_ = lengths_about(centre_, gallery_, method_.kernel);  // first: it finds what made the centre NaN
    check_values(gallery_, gallery_lengths_, similarity_);
    if (!symmetric_) {
      query_lengths_ = lengths_about(centre_, queries_, method_.kernel);
      check_values(queries_, query_lengths_, similarity_);
    }
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
      longest_ = longest(gallery_lengths_);
      const double largest = std::max(longest_, longest(query_lengths()));
      gallery_times_ = {scale_for(euclidean() ? largest : longest_)};
      query_times_ = {scale_for(euclidean() ? largest : longest(query_lengths()))};
      for (auto& value : centre_) value *= gallery_times_[0];
    }
    scored_gallery_ = scored_rows(gallery, gallery_lengths_, gallery_times_, gallery_units_);
    scored_gallery_rows_ = scored_gallery_.template data_ptr<T>();
    if (symmetric_) {
      scored_query_rows_ = scored_gallery_rows_;
      query_units_ = gallery_units_;
    } else {
      scored_queries_ = scored_rows(queries, query_lengths_, query_times_, query_units_);
      scored_query_rows_ = scored_queries_.template data_ptr<T>();
    }
  }

  [[nodiscard]] const std::vector<double>& query_lengths() const { return symmetric_ ? gallery_lengths_ : query_lengths_; }

  // The features themselves, with the factors that make their lengths 1 in `units` under cosine; or, where their range asks for it,
  // a copy that is already multiplied.
  torch::Tensor scored_rows(const torch::Tensor& features, const std::vector<double>& lengths, const std::vector<double>& times,
                            std::vector<T>& units) const {
    if (cosine() && std::ranges::all_of(lengths, tame)) {
      units.assign(times.begin(), times.end());
      return features;
    }
    if (!cosine() && times[0] == 1) return features;
    auto copy = torch::empty_like(features);
    const auto* from = features.data_ptr<T>();
    auto* to = copy.data_ptr<T>();
    const auto dim = features.size(1);
    at::parallel_for(0, features.size(0), 64, [&](std::int64_t begin, std::int64_t end) {
      for (auto row = begin; row < end; ++row) {
        for (auto i = row * dim; i < (row + 1) * dim; ++i) to[i] = static_cast<T>(from[i] * times[cosine() ? row : 0]);
      }
    });
    return copy;
  }

  // Tiles whose codes stay in the second cache, and enough of them for all threads.
  void choose_tiles(const NeighbourOptions& options) {
    constexpr std::int64_t cache = 256 << 10, step = panel_rows * panels_at_once;
    auto tile = std::clamp(cache / std::max<std::int64_t>(queries_.dim, 1) / step * step, step, 20 * step);
    const auto tasks = [&](std::int64_t size) { return (queries_.count / size) * (gallery_.count / size) / (symmetric_ ? 2 : 1); };
    while (tile > step && tasks(tile) < 16 * at::get_num_threads()) tile = std::max(step, tile / 2 / step * step);
    const auto whole_panels = [](std::int64_t rows) { return (rows + panel_rows - 1) / panel_rows * panel_rows; };
    row_tile_ = std::min(tile, whole_panels(symmetric_ ? std::min(options.query_tile, options.gallery_tile) : options.query_tile));
    const auto fitting = method_.list_bytes / (capacity_ * static_cast<std::int64_t>(sizeof(Candidate)));
    row_tile_ = std::min(row_tile_, std::max(panel_rows, fitting / panel_rows * panel_rows));
    column_tile_ = symmetric_ ? row_tile_ : std::min(tile, whole_panels(options.gallery_tile));
  }

  void encode(bool narrow) {
    const auto source = [&](const Rows<T>& rows, const std::vector<std::int32_t>& order, const std::vector<double>& times) {
      return RowSource<T>{rows.data, rows.count, rows.dim, order, times, centre_, similarity_ != Similarity::dot};
    };
    column_codes_ = encode_rows(source(gallery_, column_order_, gallery_times_), narrow);
    if (!symmetric_) row_codes_ = encode_rows(source(queries_, row_order_, query_times_), narrow);
    row_bounds_ = bounds_of(row_codes(), row_tile_);
    column_bounds_ = bounds_of(column_codes_, column_tile_);
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

  // ---- scores and limits

  // Of two rows, directly, in the type T: the squared distance, −cosine or −product of the rows as scaled.
  [[nodiscard]] T score(std::int64_t query, std::int64_t index) const {
    const T sum = score_(scored_query_rows_ + query * queries_.dim, scored_gallery_rows_ + index * queries_.dim, queries_.dim);
    if (euclidean()) return sum;
    if (!cosine()) return -sum;
    return -sum * (query_units_.empty() ? 1 : query_units_[query]) * (gallery_units_.empty() ? 1 : gallery_units_[index]);
  }

  // A row whose score exceeds the k-th smallest by more than this is farther than k others, also by distances rounded to double.
  [[nodiscard]] double tolerance(std::int64_t query, double score) const {
    if (euclidean()) return 2.1 * (score_error_ * std::abs(score) + vanished_);
    if (cosine()) return 2.2 * score_error_;  // more than 2.1 for products that vanish
    return 2.1 * (score_error_ * query_lengths()[query] * query_times_[0] * longest_ * gallery_times_[0] + vanished_);
  }

  // The limit that codes are held against, for a row with these bounds against a tile with those: D of nearest_neighbours.
  [[nodiscard]] float code_limit(const RowCodes& codes, std::int64_t place, std::int64_t query, T limit, const Bounds& tile) const {
    if (limit == std::numeric_limits<T>::infinity()) return no_limit;
    double wanted = limit + tolerance(query, limit);
    if (cosine()) wanted = 2 + 2 * wanted + 1e-14;  // |x − y|² = 2 − 2 x·y for rows of length 1
    const double factor = similarity_ == Similarity::dot ? 1 : 2;
    const double residual = codes.residual[place], reach = codes.reach[place], offset = codes.offset[place];
    double error = factor * (residual * tile.reach + reach * tile.residual) + codes.offset_error[place] + tile.offset_error;
    error += 0x1p-22 * (factor * reach * tile.reach + offset + tile.offset + std::abs(wanted));  // single precision in the filter
    error += 4 * (static_cast<double>(queries_.dim) + 8) * std::numeric_limits<float>::min();
    return static_cast<float>(wanted + 1.01 * error - offset);
  }

  // ---- one group of queries

  void search_group(const torch::Tensor& indices, const torch::Tensor& distances) {
    const auto begin = first_tile_ * row_tile_, end = rows_of_tile(last_tile_ - 1).end;
    lists_.assign(end - begin, {});
    if (!candidates_) candidates_.reset(new Candidate[(end - begin) * capacity_]);
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
    for_each_task<Workspace>(last_tile_ - first_tile_,
                             [&](std::int64_t task, Workspace& work) { write_tile(first_tile_ + task, indices, distances, work); });
  }

  // By diagonals: tasks that follow one another share no tile, so that threads do not wait for one another.
  [[nodiscard]] std::vector<Task> tasks_of_group() const {
    std::vector<Task> tasks;
    for (std::int64_t shift = 0; shift < column_tiles(); ++shift) {
      for (auto row = first_tile_; row < last_tile_; ++row) {
        const auto column = (row + shift) % column_tiles();
        if (serves_columns(column) && column < row) continue;  // done from the other side
        tasks.push_back({static_cast<std::int32_t>(row), static_cast<std::int32_t>(column)});
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
    return in_vain * (40 + 0.08 * dim) / (0.0036 * dim);  // nanoseconds a pair, on a Zen 4
  }

  [[nodiscard]] List& list(std::int64_t place) { return lists_[place - first_tile_ * row_tile_]; }
  [[nodiscard]] Candidate* candidates(std::int64_t place) { return &candidates_[(place - first_tile_ * row_tile_) * capacity_]; }
  [[nodiscard]] TileState& state(std::int64_t tile) { return states_[tile - first_tile_]; }
  [[nodiscard]] bool excluded(std::int64_t query, std::int64_t index) const {
    return queries_.ids && queries_.ids[query] == gallery_.ids[index];
  }

  // Of so many columns seen, as many as hold the k nearest of all but for four standard deviations.
  [[nodiscard]] std::int64_t rank_after(std::int64_t seen) const {
    const double expected = static_cast<double>(k_) * static_cast<double>(seen) / static_cast<double>(gallery_.count);
    return static_cast<std::int64_t>(std::ceil(expected + 4 * std::sqrt(expected) + 4));
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
    for (auto p = rows.begin; p < rows.end; ++p)
      factors[p - rows.begin] = (similarity_ == Similarity::dot ? 1 : 2) * row_codes().factor[p];
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
        if (!excluded(row_order_[p], column_order_[j])) eligible.push_back(scores[j]);
      }
      if (rank > static_cast<std::int64_t>(eligible.size())) continue;
      std::ranges::nth_element(eligible, eligible.begin() + rank - 1);
      const double guess = eligible[rank - 1];
      list(p).limit = list(p).guess = static_cast<T>(cosine() ? (guess - 2) / 2 : guess);
    }
  }

  void search_tile(const Task& task, Workspace& work) {
    const auto rows = rows_of_tile(task.row_tile), columns = columns_of_tile(task.column_tile);
    const bool both = serves_columns(task.column_tile) && task.column_tile != task.row_tile;
    auto codes = code_tile(rows, columns, work);
    std::vector<float> factors;
    row_factors(rows, factors);
    const auto limits = [&](std::int64_t tile, Range range, const RowCodes& own, const std::vector<std::int32_t>& order,
                            const Bounds& other, std::vector<float>& out) {
      const std::lock_guard lock(state(tile).mutex);
      for (auto p = range.begin; p < range.end; ++p) out[p - range.begin] = code_limit(own, p, order[p], list(p).limit, other);
    };
    work.row_limits.assign(codes.row_panels * panel_rows, -no_limit);
    work.column_limits.assign(codes.column_panels * panel_rows, -no_limit);
    limits(task.row_tile, rows, row_codes(), row_order_, column_bounds_[task.column_tile], work.row_limits);
    if (both) limits(task.column_tile, columns, column_codes_, column_order_, row_bounds_[task.row_tile], work.column_limits);
    codes.row_factor = factors.data();
    codes.row_limit = work.row_limits.data();
    codes.column_limit = work.column_limits.data();

    work.survivors.resize(work.row_limits.size() * work.column_limits.size() + panel_rows);
    const auto count = filter_tile(method_.kernel, column_codes_.narrow, codes, work.survivors.data());
    work.survivor_scores.resize(count);
    for (std::int64_t s = 0; s < count; ++s) {
      const auto i = work.survivors[s] >> 16, j = work.survivors[s] & 0xFFFF;
      work.survivor_scores[s] = score(row_order_[rows.begin + i], column_order_[columns.begin + j]);
    }
    work.kept.assign(count, 0);
    keep(task.row_tile, columns.size(), work, [&](std::int64_t s) {
      const auto i = work.survivors[s] >> 16, j = work.survivors[s] & 0xFFFF;
      work.kept[s] =
          append(rows.begin + i, row_order_[rows.begin + i], column_order_[columns.begin + j], work.survivor_scores[s], work);
    });
    if (both) {
      keep(task.column_tile, rows.size(), work, [&](std::int64_t s) {
        const auto i = work.survivors[s] >> 16, j = work.survivors[s] & 0xFFFF;
        work.kept[s] |=
            append(columns.begin + j, column_order_[columns.begin + j], row_order_[rows.begin + i], work.survivor_scores[s], work);
      });
    }
    wasted_ += std::ranges::count(work.kept, 0);
    tried_ += rows.size() * columns.size();
  }

  // append(survivor) for all survivors, which are met by the lists of the tile, and lower limits when enough columns were seen.
  template <class Append>
  void keep(std::int64_t tile, std::int64_t seen, Workspace& work, Append&& append) {
    auto& own = state(tile);
    const std::lock_guard lock(own.mutex);
    for (std::int64_t s = 0; s < static_cast<std::int64_t>(work.survivor_scores.size()); ++s) append(s);
    own.seen += seen;
    if (own.seen < own.tighten_at) return;
    own.tighten_at = own.seen + own.seen / 2;
    const auto range = rows_of_tile(tile);
    for (auto p = range.begin; p < range.end; ++p) lower_limit(p, method_.guess ? std::min(k_, rank_after(own.seen)) : k_);
  }

  bool append(std::int64_t place, std::int64_t query, std::int64_t index, T score, Workspace& work) {
    List& own = list(place);
    if (!(score <= own.limit) || excluded(query, index)) return false;
    if (own.count == capacity_) {
      shrink(place, work);
      if (!(score <= own.limit)) return true;
    }
    candidates(place)[own.count++] = {score, static_cast<std::int32_t>(index)};
    return true;
  }

  // Sets the limit by the candidate of this rank, and drops what lies beyond.
  void lower_limit(std::int64_t place, std::int64_t rank) {
    List& own = list(place);
    if (own.count < rank) return;
    Candidate* begin = candidates(place);
    std::nth_element(begin, begin + rank - 1, begin + own.count,
                     [](const Candidate& a, const Candidate& b) { return a.score < b.score; });
    const T score = begin[rank - 1].score;
    if (rank == k_) {
      own.limit = std::min(own.limit, proven_limit(row_order_[place], score));
    } else if (score < own.limit) {
      own.limit = score;
      own.guess = std::min(own.guess, score);
    }
    own.count = std::partition(begin + rank, begin + own.count, [&](const Candidate& c) { return c.score <= own.limit; }) - begin;
  }

  // Rounded up to T.
  [[nodiscard]] T proven_limit(std::int64_t query, T score) const {
    const double limit = score + tolerance(query, score);
    return std::nextafter(static_cast<T>(limit), std::numeric_limits<T>::infinity());
  }

  // Makes room in a full list: by the scores, or where they are too close to tell, by measuring.
  void shrink(std::int64_t place, Workspace& work) {
    lower_limit(place, k_);
    List& own = list(place);
    if (own.count - k_ <= (capacity_ - k_) / 2) return;
    measure(place, work);
    auto nearest = work.measured;
    std::ranges::nth_element(nearest, nearest.begin() + k_ - 1);
    Candidate* begin = candidates(place);
    std::int64_t kept = 0;
    for (std::int64_t c = 0; c < own.count; ++c) {
      if (work.measured[c] <= nearest[k_ - 1]) begin[kept++] = begin[c];
    }
    own.count = kept;
  }

  // ---- the distances that decide; squared where Euclidean

  void measure(std::int64_t place, Workspace& work) {
    const auto query = row_order_[place];
    const auto count = list(place).count;
    const Candidate* own = candidates(place);
    work.rows.resize(count);
    work.distances.resize(count);
    for (std::int64_t c = 0; c < count; ++c) work.rows[c] = gallery_[own[c].index];
    measure_rows(method_.kernel, euclidean(), queries_[query], work.rows.data(), count, queries_.dim, work.distances.data());
    take_measured(place, work.distances.data(), work.measured);
  }

  void take_measured(std::int64_t place, const double* sums, std::vector<MeasuredRow>& measured) {
    const Candidate* own = candidates(place);
    measured.resize(list(place).count);
    for (std::int64_t c = 0; c < list(place).count; ++c)
      measured[c] = {decisive(row_order_[place], own[c].index, sums[c]), own[c].index};
  }

  // The sums of all candidates of a stretch of lists, one after the other, in the order of the gallery, of which a part that the
  // caches hold is then read once for all the lists.
  void measure_together(Range places, Workspace& work) {
    const auto part = std::max<std::int64_t>(1, (512 << 10) / (queries_.dim * static_cast<std::int64_t>(sizeof(T))));
    std::vector<std::int64_t> ends(gallery_.count / part + 2);
    std::int64_t total = 0;
    for (auto p = places.begin; p < places.end; ++p) {
      const Candidate* own = candidates(p);
      for (std::int64_t c = 0; c < list(p).count; ++c) ++ends[own[c].index / part + 1];
      total += list(p).count;
    }
    std::partial_sum(ends.begin(), ends.end(), ends.begin());
    work.pending.resize(total);
    std::int32_t slot = 0;
    for (auto p = places.begin; p < places.end; ++p) {
      const Candidate* own = candidates(p);
      for (std::int64_t c = 0; c < list(p).count; ++c) {
        work.pending[ends[own[c].index / part]++] = {static_cast<std::int32_t>(p - places.begin), own[c].index, slot++};
      }
    }
    work.sums.resize(total);
    for (std::int64_t begin = 0; begin < total;) {
      work.rows.clear();
      const auto place = work.pending[begin].place;
      auto end = begin;
      for (; end < total && work.pending[end].place == place; ++end) work.rows.push_back(gallery_[work.pending[end].index]);
      work.distances.resize(end - begin);
      measure_rows(method_.kernel, euclidean(), queries_[row_order_[places.begin + place]], work.rows.data(), end - begin,
                   queries_.dim, work.distances.data());
      for (auto n = begin; n < end; ++n) work.sums[work.pending[n].slot] = work.distances[n - begin];
      begin = end;
    }
  }

  [[nodiscard]] double decisive(std::int64_t query, std::int64_t index, double sum) const {
    if (euclidean()) return sum;
    if (!cosine()) return -sum;
    return std::max(0.0, 1 - sum / (query_lengths()[query] * gallery_lengths_[index]));
  }

  // Whether the list is proven to hold the k nearest.
  bool complete(std::int64_t place) {
    List& own = list(place);
    lower_limit(place, k_);
    if (own.guess == std::numeric_limits<T>::infinity()) return true;
    if (own.count < k_) return false;
    const Candidate* begin = candidates(place);
    return proven_limit(row_order_[place], begin[k_ - 1].score) <= own.guess;  // where nth_element put it
  }

  void write_tile(std::int64_t tile, const torch::Tensor& indices, const torch::Tensor& distances, Workspace& work) {
    constexpr std::int64_t together = 1 << 20;  // candidates
    const auto range = rows_of_tile(tile);
    for (auto p = range.begin; p < range.end; ++p) {
      if (complete(p)) continue;
      list(p).count = 0;
      const std::lock_guard lock(failed_mutex_);
      failed_.push_back(row_order_[p]);
    }
    for (auto begin = range.begin; begin < range.end;) {
      auto end = begin;
      for (std::int64_t total = 0; end < range.end && total < together; ++end) total += list(end).count;
      measure_together({begin, end}, work);
      const double* sums = work.sums.data();
      for (auto p = begin; p < end; sums += list(p++).count) {
        take_measured(p, sums, work.measured);
        if (work.measured.empty()) continue;
        work.order.sort(work.measured, k_);
        write(row_order_[p], work.measured, indices, distances);
      }
      begin = end;
    }
  }

  void write(std::int64_t query, const std::vector<MeasuredRow>& measured, const torch::Tensor& indices,
             const torch::Tensor& distances) const {
    auto* index = indices.data_ptr<std::int64_t>() + query * indices.size(1);
    auto* out = distances.data_ptr<T>() + query * indices.size(1);
    for (std::size_t rank = 0; rank < measured.size(); ++rank) {
      index[rank] = measured[rank].index;
      out[rank] = static_cast<T>(euclidean() ? std::sqrt(measured[rank].distance) : measured[rank].distance);
    }
  }

  bool symmetric_;
  Rows<T> queries_, gallery_;
  Similarity similarity_;
  ExactMethod method_;
  std::int64_t k_, capacity_;
  PairScore<T> score_;

  std::vector<double> centre_, gallery_lengths_, query_lengths_, gallery_times_, query_times_;
  double longest_ = 1;
  double score_error_ = 0, vanished_ = 0;  // relative, of a direct score; absolute, of products too small for the type
  torch::Tensor scored_queries_, scored_gallery_;
  const T *scored_query_rows_ = nullptr, *scored_gallery_rows_ = nullptr;
  std::vector<T> query_units_, gallery_units_;
  std::int64_t row_tile_ = 0, column_tile_ = 0;
  std::vector<std::int32_t> row_order_, column_order_;
  RowCodes row_codes_, column_codes_;
  std::vector<Bounds> row_bounds_, column_bounds_;

  std::int64_t first_tile_ = 0, last_tile_ = 0;  // of the group
  std::vector<List> lists_;
  std::unique_ptr<Candidate[]> candidates_;  // capacity_ for each list
  std::vector<TileState> states_;
  std::atomic<std::int64_t> wasted_{0}, tried_{0};
  std::mutex failed_mutex_;
  std::vector<std::int64_t> failed_;
};

}  // namespace

template <class T>
Neighbours exact_neighbours(const torch::Tensor& queries, const torch::Tensor& gallery, std::int64_t k,
                            const torch::Tensor& query_ids, const torch::Tensor& gallery_ids, const NeighbourOptions& options,
                            const ExactMethod& method) {
  auto indices = torch::full({queries.size(0), k}, -1, torch::kInt64);
  auto distances = torch::full({queries.size(0), k}, std::numeric_limits<double>::infinity(), queries.options());
  if (queries.size(0) == 0 || gallery.size(0) == 0) {
    check_finite("nearest_neighbours", "queries", queries);
    check_finite("nearest_neighbours", "gallery", gallery);
    return {indices, distances};
  }
  const auto failed = Search<T>(queries, gallery, k, query_ids, gallery_ids, options, method).run(indices, distances);
  if (!failed.empty()) {
    auto careful = method;
    careful.guess = false;
    const auto rows = torch::tensor(failed, torch::kInt64);
    const auto ids = query_ids.defined() ? query_ids.index_select(0, rows) : query_ids;
    const auto again = exact_neighbours<T>(queries.index_select(0, rows), gallery, k, ids, gallery_ids, options, careful);
    indices.index_copy_(0, rows, again.indices);
    distances.index_copy_(0, rows, again.distances);
  }
  return {indices, distances};
}

template Neighbours exact_neighbours<float>(const torch::Tensor&, const torch::Tensor&, std::int64_t, const torch::Tensor&,
                                            const torch::Tensor&, const NeighbourOptions&, const ExactMethod&);
template Neighbours exact_neighbours<double>(const torch::Tensor&, const torch::Tensor&, std::int64_t, const torch::Tensor&,
                                             const torch::Tensor&, const NeighbourOptions&, const ExactMethod&);

}  // namespace diva::detail
