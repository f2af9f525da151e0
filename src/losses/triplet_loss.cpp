#include <diva/losses/pairwise.hpp>
#include <diva/losses/triplet_loss.hpp>

#include "fused_lists.hpp"
#include "fused_pairs.hpp"
#include "triplet_rows.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace diva::inline v0_1 {
namespace {

// The hinge of all triplets of one anchor, as triplet_rows has it: a limit D_ap + m is violated by each negative nearer than it.
struct TripletKernel {
  static constexpr int groups = 1;
  static constexpr std::int64_t few = 64;  // positives that are compared with all negatives rather than sorted
  double margin;

  template <class L>
  DIVA_INLINE void row(detail::FusedRow<typename L::Number>& row) const {
    row.leave_out();
    row.number[0] = static_cast<double>(row.positive_count) * static_cast<double>(row.negative_count);
    if (row.positive_count <= few) {
      compare<L>(row);
    } else {
      look_up<L>(row);
    }
  }

  template <class L>
  DIVA_INLINE void compare(detail::FusedRow<typename L::Number>& row) const {
    using T = typename L::Number;
    using Vector = typename L::Vector;
    for (std::int64_t k = 0; k < row.positive_count; ++k) {
      const T limit = row.values[row.positives[k]] + static_cast<T>(margin);
      Vector sums = {}, counts = {};
      for (std::int64_t j = 0; j < row.size; j += L::count) {
        const Vector v = L::load(row.values + j);
        // Not "<", so that NaN is among them and passes on.
        const typename L::Mask closer = (L::load(row.relation + j) < T(0)) & ~(v >= limit);
        const Vector one = L::where(closer, L::all(1));
        sums += L::where(closer, limit - v);
        counts += one;
        L::store(row.slopes + j, L::load(row.slopes + j) - one);
      }
      const double count = L::sum(counts);
      row.sum[0] += L::sum(sums);
      row.active[0] += count;
      row.slopes[row.positives[k]] = static_cast<T>(count);
    }
  }

  template <class L>
  DIVA_INLINE void look_up(detail::FusedRow<typename L::Number>& row) const {
    using T = typename L::Number;
    const auto count = static_cast<std::size_t>(row.positive_count);
    std::vector<std::pair<T, std::int32_t>> limits;
    for (std::size_t k = 0; k < count; ++k)
      limits.emplace_back(row.values[row.positives[k]] + static_cast<T>(margin), row.positives[k]);
    // NaN has no place in an order.
    if (std::any_of(limits.begin(), limits.end(), [](const auto& one) { return std::isnan(one.first); })) return compare<L>(row);
    std::sort(limits.begin(), limits.end());
    std::vector<double> above(count + 1, 0),
        violations(count + 1, 0);  // sum of the limits from k on; how many begin to violate at k
    for (auto k = count; k-- > 0;) above[k] = above[k + 1] + static_cast<double>(limits[k].first);
    for (std::int64_t j = 0; j < row.size; ++j) {
      if (!(row.relation[j] < T(0))) continue;
      const T v = row.values[j];
      const auto first = std::partition_point(limits.begin(), limits.end(), [v](const auto& one) { return one.first <= v; });
      const auto k = static_cast<std::size_t>(first - limits.begin());
      const auto closer = static_cast<double>(count - k);
      row.sum[0] += above[k] - closer * static_cast<double>(v);
      row.active[0] += closer;
      row.slopes[j] = static_cast<T>(-closer);
      violations[k] += 1;
    }
    double so_far = 0;
    for (std::size_t k = 0; k < count; ++k) row.slopes[limits[k].second] = static_cast<T>(so_far += violations[k]);
  }
};

}  // namespace

TripletLoss::TripletLoss(const TripletLossOptions& options, Generator generator) : options_(options), generator_(generator) {
  validate_fields("TripletLoss", options);
  if (options.triplets_per_anchor > 0) draws_ = torch::zeros({1}, torch::kInt64);
}

std::vector<NamedTensor> TripletLoss::named_buffers() const {
  if (!draws_.defined()) return {};
  return {{"draws", draws_}};
}

torch::Tensor TripletLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const bool listed = std::holds_alternative<Triplets>(tuples) || std::holds_alternative<Pairs>(tuples);
  if (!listed && !draws_.defined() && options_.reducer.kind != Reduction::none) {
    const detail::TripletForm form = {.margin = options_.margin,
                                      .smooth = options_.smooth,
                                      .swap = options_.swap,
                                      .distance = options_.distance,
                                      .reducer = options_.reducer};
    const PairwiseOptions pairs = {.distance = options_.distance, .reducer = options_.reducer};
    if (!options_.smooth && !options_.swap) {
      const TripletKernel kernel = {options_.margin};
      if (auto loss = detail::fused_pairs(comparison, tuples, pairs, kernel); loss.defined()) return loss;
    }
    std::vector<torch::Tensor> references;
    if (options_.swap) references.push_back(comparison.reference_embeddings());
    return pairwise_loss(
        comparison, tuples, pairs, references, [form](const PairBlock& block, const std::vector<torch::Tensor>& references) {
          return std::vector<Elements>{detail::triplet_rows(block, form, references.empty() ? torch::Tensor() : references[0])};
        });
  }
  const bool drawn = !listed && draws_.defined();
  const auto [anchors, positives, negatives] =
      drawn ? detail::sample_triplets(comparison, options_.triplets_per_anchor,
                                      generator_.fork(static_cast<std::uint64_t>(draws_.item<std::int64_t>())))
            : detail::as_triplets("triplet loss", comparison, tuples);
  if (drawn) draws_ += 1;
  auto far = detail::listed_distances(comparison, anchors, negatives, options_.distance);
  if (options_.swap) {
    const auto& others = comparison.reference_embeddings();
    far = torch::minimum(far, distance(others.index_select(0, positives), others.index_select(0, negatives), options_.distance));
  }
  const auto violation = detail::listed_distances(comparison, anchors, positives, options_.distance) - far + options_.margin;
  return reduce({{options_.smooth ? torch::softplus(violation) : violation.relu(), {}, anchors}}, comparison.labels,
                comparison.size(), options_.reducer);
}

}  // namespace diva::inline v0_1
