// Verification over all pairs; the method stands at verification_curve.
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/utils.h>
#include <diva/core/checks.hpp>
#include <diva/metrics/verification.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

#include "pair_products.hpp"
#include "unit_rows.hpp"

namespace diva::inline v0_1 {
namespace {

using detail::block_rows;
using detail::panel_rows;

constexpr auto function = "verification_curve";
constexpr std::int64_t most_same_pairs = std::int64_t{1} << 23;
constexpr std::int64_t most_counters = std::int64_t{1} << 25;  // of all threads together
constexpr double excluded = std::numeric_limits<double>::quiet_NaN();

// Samples of one side in double, whose products are measured. The pointers are into the tensors.
struct Side {
  torch::Tensor features, labels, ids;
  std::int64_t count = 0, dim = 0;
  const double* values = nullptr;
  const std::int64_t* label = nullptr;
  const std::int64_t* id = nullptr;  // null without ids
  std::vector<double> squares;

  [[nodiscard]] const double* row(std::int64_t i) const { return values + i * dim; }
};

// |x|² by the products that are compared with it, so that equal rows are at the distance 0.
std::vector<double> squares_of(const Side& side) {
  std::vector<double> squares(side.count);
  at::parallel_for(0, (side.count + block_rows - 1) / block_rows, 64, [&](std::int64_t begin, std::int64_t end) {
    std::vector<double> panel(panel_rows * side.dim);
    std::array<double, block_rows * panel_rows> products{};
    for (std::int64_t block = begin; block < end; ++block) {
      std::array<const double*, panel_rows> rows{};
      for (std::int64_t r = 0; r < panel_rows; ++r) rows[r] = side.row(std::min(block * block_rows + r, side.count - 1));
      detail::fill_panel(rows.data(), side.dim, panel.data());
      detail::multiply_block(rows.data(), panel.data(), side.dim, products.data());
      for (std::int64_t r = 0; r < block_rows && block * block_rows + r < side.count; ++r)
        squares[block * block_rows + r] = products[r * panel_rows + r];
    }
  });
  return squares;
}

Side prepare(const LabelledFeatures& set, const std::string& which, Similarity similarity) {
  const auto argument = which + "features";
  detail::check_embeddings(function, set.features, argument);
  detail::check_labels(function, set.labels, set.features);
  auto rows = set.features.detach().to(torch::kCPU, torch::kFloat64);
  detail::check_finite(function, argument, rows);
  if (rows.numel() > 0 && rows.abs().max().item<double>() > 1e140) {
    detail::fail<DataError>(function, argument, "values of at most 1e140, whose squares are finite", "larger ones");
  }
  if (similarity == Similarity::cosine) rows = detail::unit_rows(function, argument, rows);
  Side side;
  side.features = rows.contiguous(), side.labels = set.labels.cpu().contiguous();
  side.count = rows.size(0), side.dim = rows.size(1);
  side.values = side.features.data_ptr<double>(), side.label = side.labels.data_ptr<std::int64_t>();
  if (set.ids.defined()) {
    if (set.ids.dim() != 1 || set.ids.scalar_type() != torch::kInt64 || set.ids.size(0) != side.count) {
      detail::fail<ShapeError>(function, which + "ids", fmt::format("[{}] int64", side.count), detail::describe(set.ids));
    }
    side.ids = set.ids.cpu().contiguous();
    side.id = side.ids.data_ptr<std::int64_t>();
  }
  side.squares = squares_of(side);
  return side;
}

// Thresholds in ascending order, and where a distance lies among them: a grid of equal cells narrows the search to one cell.
class Bins {
 public:
  explicit Bins(std::vector<double> thresholds) : thresholds_(std::move(thresholds)) {
    if (thresholds_.empty()) return;
    const auto cells = std::min<std::int64_t>(4 * size(), std::int64_t{1} << 22);
    const double width = thresholds_.back() - thresholds_.front();
    const double scale = static_cast<double>(cells - 1) / width;
    if (width > 0 && std::isfinite(scale)) scale_ = scale;
    first_of_cell_.assign(cells + 1, 0);
    std::int64_t row = 0;
    for (std::int64_t c = 0; c <= cells; ++c) {
      while (row < size() && cell(thresholds_[row]) < c) ++row;
      first_of_cell_[c] = row;
    }
  }

  [[nodiscard]] std::int64_t size() const { return std::ssize(thresholds_); }
  [[nodiscard]] const std::vector<double>& thresholds() const { return thresholds_; }

  // 2 b below threshold b and above the one before, 2 b + 1 at threshold b.
  [[nodiscard]] std::int64_t operator()(double distance) const {
    if (thresholds_.empty() || distance > thresholds_.back()) return 2 * size();
    if (distance < thresholds_.front()) return 0;
    // Cells do not fall as distances grow, so thresholds of lower cells are smaller and those of higher ones larger.
    const auto c = cell(distance);
    const auto* const begin = thresholds_.data();
    const auto* const found = std::lower_bound(begin + first_of_cell_[c], begin + first_of_cell_[c + 1], distance);
    const auto b = found - begin;
    return 2 * b + (*found == distance ? 1 : 0);
  }

 private:
  [[nodiscard]] std::int64_t cell(double distance) const {
    return static_cast<std::int64_t>((distance - thresholds_.front()) * scale_);
  }

  std::vector<double> thresholds_;
  std::vector<std::int64_t> first_of_cell_;
  double scale_ = 0;
};

class AllPairs {
 public:
  // Each pair of one side once, or each of the left with each of the right.
  AllPairs(const Side& left, const Side& right, Similarity similarity)
      : left_(left),
        right_(right),
        similarity_(similarity),
        within_(&left == &right),
        identified_(!within_ && left.id != nullptr) {}

  // The distances of same pairs, in ascending order.
  [[nodiscard]] std::vector<double> same() const {
    struct Class {
      std::vector<std::int64_t> left, right;
      std::int64_t place = 0;
    };
    std::map<std::int64_t, Class> by_label;
    for (std::int64_t i = 0; i < left_.count; ++i) by_label[left_.label[i]].left.push_back(i);
    for (std::int64_t j = 0; j < right_.count; ++j) by_label[right_.label[j]].right.push_back(j);
    std::vector<Class> classes;
    std::int64_t places = 0;
    for (auto& [label, members] : by_label) {
      members.place = places;
      const auto n = std::ssize(members.left);
      places += within_ ? n * (n - 1) / 2 : n * std::ssize(members.right);
      classes.push_back(std::move(members));
    }
    if (places > most_same_pairs) {
      detail::fail<DataError>(function, "labels",
                              fmt::format("of at most {} same pairs; sample_pairs draws some of them", most_same_pairs),
                              std::to_string(places));
    }

    std::vector<double> distances(places);
    at::parallel_for(0, std::ssize(classes), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t c = begin; c < end; ++c) {
        auto place = distances.begin() + classes[c].place;
        measure(classes[c].left, classes[c].right, [&](std::int64_t i, std::int64_t j, double distance) {
          if (!within_ || i < j) *place++ = identical(i, j) ? excluded : distance;
        });
      }
    });
    std::erase_if(distances, [](double distance) { return std::isnan(distance); });
    std::ranges::sort(distances);
    return distances;
  }

  // How many different pairs lie in each of the bins' 2 T + 1 places.
  [[nodiscard]] std::vector<std::int64_t> different(const Bins& bins) const {
    constexpr std::int64_t panels = 32;
    const auto places = 2 * bins.size() + 1;
    const auto slots = std::clamp<std::int64_t>(most_counters / places, 1, at::get_num_threads());
    std::vector<std::vector<std::int64_t>> counts(slots, std::vector<std::int64_t>(places, 0));
    std::vector<double> packed(panels * panel_rows * right_.dim);
    for (std::int64_t first = 0; first < right_.count; first += panels * panel_rows) {
      const auto columns = std::min(panels * panel_rows, right_.count - first);
      pack(first, columns, packed);
      // Within one side, left rows at or after the last column have no pair here.
      const auto rows = within_ ? std::min(left_.count, first + columns) : left_.count;
      const auto blocks = (rows + block_rows - 1) / block_rows;
      at::parallel_for(0, slots, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t slot = begin; slot < end; ++slot) {
          for (auto block = slot * blocks / slots; block < (slot + 1) * blocks / slots; ++block) {
            count(block * block_rows, rows, first, columns, packed, bins, counts[slot].data());
          }
        }
      });
    }
    for (std::int64_t slot = 1; slot < slots; ++slot) {
      for (std::int64_t place = 0; place < places; ++place) counts[0][place] += counts[slot][place];
    }
    return counts[0];
  }

 private:
  [[nodiscard]] bool identical(std::int64_t i, std::int64_t j) const { return identified_ && left_.id[i] == right_.id[j]; }

  [[nodiscard]] double distance(double product, std::int64_t i, std::int64_t j) const {
    if (similarity_ == Similarity::dot) return -product;
    const double square = std::max(0.0, left_.squares[i] + right_.squares[j] - 2 * product);
    return similarity_ == Similarity::cosine ? square / 2 : std::sqrt(square);
  }

  void pack(std::int64_t first, std::int64_t columns, std::vector<double>& packed) const {
    at::parallel_for(0, (columns + panel_rows - 1) / panel_rows, 4, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t p = begin; p < end; ++p) {
        std::array<const double*, panel_rows> rows{};
        for (std::int64_t j = 0; j < panel_rows; ++j) rows[j] = right_.row(std::min(first + p * panel_rows + j, right_.count - 1));
        detail::fill_panel(rows.data(), right_.dim, packed.data() + p * panel_rows * right_.dim);
      }
    });
  }

  void count(std::int64_t first_row, std::int64_t end_row, std::int64_t first, std::int64_t columns,
             const std::vector<double>& packed, const Bins& bins, std::int64_t* counts) const {
    std::array<const double*, block_rows> rows{};
    std::array<double, block_rows * panel_rows> products{};
    for (std::int64_t r = 0; r < block_rows; ++r) rows[r] = left_.row(std::min(first_row + r, left_.count - 1));
    for (std::int64_t column = 0; column < columns; column += panel_rows) {
      if (within_ && first_row >= first + column + panel_rows - 1) continue;
      detail::multiply_block(rows.data(), packed.data() + column * right_.dim, right_.dim, products.data());
      for (std::int64_t r = 0; r < block_rows && first_row + r < end_row; ++r) {
        const auto i = first_row + r;
        for (std::int64_t c = 0; c < panel_rows && column + c < columns; ++c) {
          const auto j = first + column + c;
          if (left_.label[i] == right_.label[j] || (within_ && i >= j) || identical(i, j)) continue;
          ++counts[bins(distance(products[r * panel_rows + c], i, j))];
        }
      }
    }
  }

  // Calls `visit(i, j, distance)` for all i of the left and j of the right.
  template <class Visit>
  void measure(const std::vector<std::int64_t>& left, const std::vector<std::int64_t>& right, Visit&& visit) const {
    std::vector<double> panel(panel_rows * right_.dim);
    std::array<double, block_rows * panel_rows> products{};
    for (std::int64_t column = 0; column < std::ssize(right); column += panel_rows) {
      std::array<const double*, panel_rows> columns{};
      for (std::int64_t c = 0; c < panel_rows; ++c) columns[c] = right_.row(right[std::min(column + c, std::ssize(right) - 1)]);
      detail::fill_panel(columns.data(), right_.dim, panel.data());
      for (std::int64_t row = 0; row < std::ssize(left); row += block_rows) {
        std::array<const double*, block_rows> rows{};
        for (std::int64_t r = 0; r < block_rows; ++r) rows[r] = left_.row(left[std::min(row + r, std::ssize(left) - 1)]);
        detail::multiply_block(rows.data(), panel.data(), left_.dim, products.data());
        for (std::int64_t r = 0; r < block_rows && row + r < std::ssize(left); ++r) {
          for (std::int64_t c = 0; c < panel_rows && column + c < std::ssize(right); ++c) {
            const auto i = left[row + r], j = right[column + c];
            visit(i, j, distance(products[r * panel_rows + c], i, j));
          }
        }
      }
    }
  }

  const Side &left_, &right_;
  Similarity similarity_;
  bool within_, identified_;
};

VerificationCurve curve_of(const AllPairs& pairs, const VerificationOptions& options) {
  const auto same = pairs.same();
  auto thresholds = same;
  for (const double threshold : options.thresholds) {
    if (std::isfinite(threshold)) thresholds.push_back(threshold);
  }
  std::ranges::sort(thresholds);
  thresholds.erase(std::unique(thresholds.begin(), thresholds.end()), thresholds.end());
  const Bins bins(std::move(thresholds));
  const auto counts = pairs.different(bins);

  const auto size = bins.size();
  VerificationCurve curve{.thresholds = torch::tensor(bins.thresholds(), torch::kFloat64),
                          .true_matches = torch::empty({size}, torch::kInt64),
                          .false_matches = torch::empty({size}, torch::kInt64),
                          .false_below = torch::empty({size}, torch::kInt64)};
  std::int64_t false_matches = 0, true_matches = 0;
  for (std::int64_t b = 0; b < size; ++b) {
    while (true_matches < std::ssize(same) && same[true_matches] <= bins.thresholds()[b]) ++true_matches;
    curve.true_matches.data_ptr<std::int64_t>()[b] = true_matches;
    curve.false_below.data_ptr<std::int64_t>()[b] = false_matches += counts[2 * b];
    curve.false_matches.data_ptr<std::int64_t>()[b] = false_matches += counts[2 * b + 1];
  }
  curve.same = std::ssize(same);
  curve.different = false_matches + counts[2 * size];
  return curve;
}

}  // namespace

VerificationCurve verification_curve(const torch::Tensor& features, const torch::Tensor& labels,
                                     const VerificationOptions& options) {
  validate_fields(function, options);
  const auto side = prepare({.features = features, .labels = labels, .ids = {}}, "", options.similarity);
  return curve_of(AllPairs(side, side, options.similarity), options);
}

VerificationCurve verification_curve(const LabelledFeatures& queries, const LabelledFeatures& gallery,
                                     const VerificationOptions& options) {
  validate_fields(function, options);
  const auto left = prepare(queries, "queries.", options.similarity), right = prepare(gallery, "gallery.", options.similarity);
  if (left.dim != right.dim) {
    detail::fail<ShapeError>(function, "gallery.features", fmt::format("{} wide, as queries.features", left.dim),
                             detail::describe(gallery.features));
  }
  if ((left.id == nullptr) != (right.id == nullptr))
    detail::fail<OptionError>(function, "ids", "given on both sides or on neither", "one side");
  return curve_of(AllPairs(left, right, options.similarity), options);
}

}  // namespace diva::inline v0_1
