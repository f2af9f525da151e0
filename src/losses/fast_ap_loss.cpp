#include <diva/core/checks.hpp>
#include <diva/losses/fast_ap_loss.hpp>
#include <diva/losses/pairwise.hpp>
#include <diva/losses/soft_rank.hpp>

#include "fused_pairs.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

namespace diva::inline v0_1 {
namespace {

// The histograms of one anchor by the weight of each distance on each node, and the slopes of the precision by their entries.
struct FastApKernel {
  static constexpr int groups = 1;
  static constexpr std::int64_t most_nodes = 33;  // beyond, a list of entries is cheaper
  std::int64_t nodes;
  double width;

  template <class L>
  DIVA_INLINE void row(detail::FusedRow<typename L::Number>& row) const {
    if (row.positive_count == 0) return row.leave_out();
    using T = typename L::Number;
    using Vector = typename L::Vector;
    const T inverse = static_cast<T>(1 / width), last = static_cast<T>(nodes - 1);
    std::array<double, most_nodes> positive{}, negative{};
    const auto [begin, end] = nodes_of(detail::extremes_of<L>(row), inverse);
    for (auto r = begin; r < end; ++r) {
      const T node = static_cast<T>(r);
      Vector pulled = {}, pushed = {};
      for (std::int64_t j = 0; j < row.size; j += L::count) {
        const Vector relation = L::load(row.relation + j);
        const Vector place = within<L>(L::load(row.values + j) * inverse, last) - node;
        const Vector kept = L::hinge(T(1) - L::where(place < T(0), -place, place));
        pulled += L::where(relation > T(0), kept);
        pushed += L::where(relation < T(0), kept);
      }
      positive[static_cast<std::size_t>(r)] = L::sum(pulled);
      negative[static_cast<std::size_t>(r)] = L::sum(pushed);
    }
    std::array<T, most_nodes> pull{}, push{};
    row.set_loss(1 - precision(positive, negative, static_cast<double>(row.positive_count), pull, push));
    row.leave_out();
    // Between two nodes a distance takes from the one what it gives to the other.
    for (auto r = static_cast<std::size_t>(begin); r + 1 < static_cast<std::size_t>(end); ++r) {
      const T node = static_cast<T>(r), of_positive = (pull[r + 1] - pull[r]) * inverse,
              of_negative = (push[r + 1] - push[r]) * inverse;
      for (std::int64_t j = 0; j < row.size; j += L::count) {
        const Vector place = L::load(row.values + j) * inverse - node, relation = L::load(row.relation + j);
        const typename L::Mask inside = (place >= T(0)) & (place < T(1)) & (relation != T(0));
        const Vector slope = L::where(relation > T(0), L::all(of_positive), L::all(of_negative));
        L::store(row.slopes + j, L::where(inside, slope, L::load(row.slopes + j)));
      }
    }
  }

  // Those around the distances of the row, or all where there is none but NaN.
  template <class L>
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> nodes_of(const detail::Extremes<L>& extremes,
                                                               typename L::Number inverse) const {
    const auto nearest = std::min(extremes.smallest_positive, extremes.smallest_negative) * inverse;
    const auto farthest = std::max(extremes.largest_positive, extremes.largest_negative) * inverse;
    if (!(nearest <= farthest)) return {0, nodes};
    const auto last = static_cast<double>(nodes - 1);
    return {static_cast<std::int64_t>(std::clamp(std::floor(static_cast<double>(nearest)), 0.0, last)),
            static_cast<std::int64_t>(std::clamp(std::floor(static_cast<double>(farthest)) + 1, 0.0, last)) + 1};
  }

  template <class L>
  DIVA_INLINE static typename L::Vector within(typename L::Vector place, typename L::Number last) {
    place = L::where(place < typename L::Number(0), typename L::Vector{}, place);
    return L::where(place > last, L::all(last), place);
  }

  // 1/N Σ_r h⁺_r H⁺_r / H_r, and minus its slopes by the entries of both histograms.
  template <class T>
  [[nodiscard]] double precision(const std::array<double, most_nodes>& positive, const std::array<double, most_nodes>& negative,
                                 double number, std::array<T, most_nodes>& pull, std::array<T, most_nodes>& push) const {
    const auto count = static_cast<std::size_t>(nodes);
    std::array<double, most_nodes> right{}, all{};
    double sum = 0;
    for (std::size_t r = 0; r < count; ++r) {
      right[r] = positive[r] + (r > 0 ? right[r - 1] : 0);
      all[r] = positive[r] + negative[r] + (r > 0 ? all[r - 1] : 0);
      if (all[r] != 0) sum += positive[r] * right[r] / all[r];
    }
    double by_right = 0, by_all = 0;  // of the cumulative sums from r on
    for (std::size_t r = count; r-- > 0;) {
      const double inverse = all[r] == 0 ? 0 : 1 / all[r];
      by_right += positive[r] * inverse;
      by_all -= positive[r] * right[r] * inverse * inverse;
      pull[r] = static_cast<T>(-(right[r] * inverse + by_right + by_all) / number);
      push[r] = static_cast<T>(-by_all / number);
    }
    return sum / number;
  }
};

// The largest distance between normalised rows.
double range(const DistanceOptions& distance) {
  return std::pow(distance.kind == Distance::squared_euclidean ? 4 : 2, distance.power);
}

}  // namespace

FastApLoss::FastApLoss(const FastApLossOptions& options) : options_(options) {
  validate_fields("FastApLoss", options);
  const auto kind = options.distance.kind;
  const bool bounded = kind == Distance::cosine ||
                       (options.distance.normalize && (kind == Distance::euclidean || kind == Distance::squared_euclidean));
  if (!bounded) {
    detail::fail<OptionError>("FastApLoss", "distance", "cosine, or euclidean or squared_euclidean of normalised rows",
                              std::string(to_string(kind)) + (options.distance.normalize ? "" : " of rows as they are"));
  }
}

torch::Tensor FastApLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const auto nodes = options_.bins + 1;
  const auto width = range(options_.distance) / static_cast<double>(options_.bins);
  const PairwiseOptions pairs = {.distance = options_.distance, .reducer = options_.reducer};
  if (nodes <= FastApKernel::most_nodes) {
    const FastApKernel kernel = {nodes, width};
    if (auto loss = detail::fused_pairs(comparison, tuples, pairs, kernel); loss.defined()) return loss;
  }
  return pairwise_loss(comparison, tuples, pairs, {}, [nodes, width](const PairBlock& block, const std::vector<torch::Tensor>&) {
    const auto positive = soft_histogram(block.values, block.positive, 0, width, nodes);
    const auto all = (positive + soft_histogram(block.values, block.negative, 0, width, nodes)).cumsum(1);
    const auto number = block.positive.to(block.values.scalar_type()).sum(1);
    const auto precision = positive * positive.cumsum(1) / all.masked_fill(all == 0, 1);
    return std::vector<Elements>{{1 - precision.sum(1) / number.masked_fill(number == 0, 1), detail::any_of(block.positive)}};
  });
}

}  // namespace diva::inline v0_1
