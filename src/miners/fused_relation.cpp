#include "fused_relation.hpp"

#include <numeric>

namespace diva::inline v0_1::detail {

FusedRelation::FusedRelation(const Comparison& comparison, const Tuples& tuples, bool distinct)
    : anchors_(comparison.size()), references_(comparison.reference_size()), itself_(!comparison.reference) {
  const auto* triplets = std::get_if<Triplets>(&tuples);
  const auto* pairs = std::get_if<Pairs>(&tuples);
  if (triplets == nullptr && pairs == nullptr && !comparison.relation) {
    by_labels(comparison.labels, comparison.reference_labels());
    return;
  }
  marks_.assign(static_cast<std::size_t>(anchors_ * references_), 0);
  if (triplets != nullptr) {
    by_pairs(triplets->anchors, triplets->positives, 1, distinct);
    by_pairs(triplets->anchors, triplets->negatives, -1, distinct);
  } else if (pairs != nullptr) {
    by_pairs(pairs->anchors, pairs->positives, 1, distinct);
    by_pairs(pairs->negative_anchors, pairs->negatives, -1, distinct);
  } else {
    by_matrices(*comparison.relation);
  }
}

void FusedRelation::by_labels(const torch::Tensor& anchors, const torch::Tensor& references) {
  const auto own = anchors.contiguous(), others = references.contiguous();
  const auto *own_labels = own.data_ptr<std::int64_t>(), *labels = others.data_ptr<std::int64_t>();
  order_.resize(static_cast<std::size_t>(references_));
  std::iota(order_.begin(), order_.end(), 0);
  const auto before = [&](std::int32_t a, std::int32_t b) { return labels[a] < labels[b] || (a < b && labels[a] == labels[b]); };
  if (!std::is_sorted(order_.begin(), order_.end(), before)) std::sort(order_.begin(), order_.end(), before);

  members_.resize(static_cast<std::size_t>(anchors_));
  if (itself_) {
    for (std::int64_t first = 0, last = 0; first < references_; first = last) {
      const auto label = labels[order_[static_cast<std::size_t>(first)]];
      while (last < references_ && labels[order_[static_cast<std::size_t>(last)]] == label) ++last;
      for (auto at = first; at < last; ++at)
        members_[static_cast<std::size_t>(order_[static_cast<std::size_t>(at)])] = {first, last};
    }
    return;
  }
  for (std::int64_t i = 0; i < anchors_; ++i) {
    const auto begin =
        std::partition_point(order_.begin(), order_.end(), [&](std::int32_t j) { return labels[j] < own_labels[i]; });
    const auto end = std::partition_point(begin, order_.end(), [&](std::int32_t j) { return labels[j] == own_labels[i]; });
    members_[static_cast<std::size_t>(i)] = {begin - order_.begin(), end - order_.begin()};
  }
}

void FusedRelation::by_matrices(const Relation& relation) {
  const auto positive = relation.positive.contiguous();
  const auto negative = relation.negative.defined() ? relation.negative.contiguous() : torch::Tensor();
  const bool* p = positive.data_ptr<bool>();
  const bool* n = negative.defined() ? negative.data_ptr<bool>() : nullptr;
  bool both = false;
  for (std::size_t k = 0; k < marks_.size(); ++k) {
    const bool is_negative = n == nullptr ? !p[k] : n[k];
    both = both || (p[k] && is_negative);
    marks_[k] = static_cast<std::int8_t>(p[k] ? 1 : is_negative ? -1 : 0);
  }
  valid_ = !both;
  if (!itself_) return;
  for (std::int64_t i = 0; i < anchors_; ++i) marks_[static_cast<std::size_t>(i * references_ + i)] = 0;
}

void FusedRelation::by_pairs(const torch::Tensor& anchors, const torch::Tensor& others, std::int8_t mark, bool distinct) {
  const auto from = anchors.contiguous(), to = others.contiguous();
  const auto *rows = from.data_ptr<std::int64_t>(), *columns = to.data_ptr<std::int64_t>();
  for (std::int64_t k = 0; k < from.size(0); ++k) {
    auto& now = marks_[static_cast<std::size_t>(rows[k] * references_ + columns[k])];
    valid_ = valid_ && (now == 0 || (now == mark && !distinct));
    now = mark;
  }
}

}  // namespace diva::inline v0_1::detail
