#pragma once

#include <diva/miners/comparison.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace diva::inline v0_1::detail {

/// Which pairs are positive and which negative, a row at a time, on the CPU: from the members of each class, or from marks.
class FusedRelation {
 public:
  /// Labels, a relation of bool, triplets or pairs. With `distinct`, pairs that occur twice make it invalid.
  FusedRelation(const Comparison& comparison, const Tuples& tuples, bool distinct);

  /// Whether no pair is both positive and negative (and, where asked, none occurs twice).
  [[nodiscard]] bool valid() const { return valid_; }

  /// The row's relation as numbers, 0 from the last reference up to `size`, and the columns of its positives; returns the number of
  /// its negatives.
  template <class T>
  std::int64_t row(std::int64_t anchor, T* relation, std::int64_t size, std::vector<std::int32_t>& positives) const {
    positives.clear();
    std::int64_t negatives = 0;
    std::fill(relation + references_, relation + size, T(0));
    if (marks_.empty()) {
      std::fill_n(relation, references_, T(-1));
      const auto [first, last] = members_[static_cast<std::size_t>(anchor)];
      negatives = references_ - (last - first);
      for (auto at = first; at < last; ++at) {
        const auto column = order_[static_cast<std::size_t>(at)];
        const bool same = itself_ && column == anchor;
        relation[column] = same ? T(0) : T(1);
        if (!same) positives.push_back(column);
      }
      return negatives;
    }
    const auto* marks = marks_.data() + anchor * references_;
    for (std::int64_t j = 0; j < references_; ++j) {
      relation[j] = static_cast<T>(marks[j]);
      negatives += marks[j] < 0;
    }
    for (std::int64_t j = 0; j < references_; ++j) {
      if (marks[j] > 0) positives.push_back(static_cast<std::int32_t>(j));
    }
    return negatives;
  }

 private:
  void by_labels(const torch::Tensor& anchors, const torch::Tensor& references);
  void by_matrices(const Relation& relation);
  void by_pairs(const torch::Tensor& anchors, const torch::Tensor& others, std::int8_t mark, bool distinct);

  std::int64_t anchors_, references_;
  bool itself_;
  bool valid_ = true;
  std::vector<std::int32_t> order_;                             // references by class, ascending within one
  std::vector<std::pair<std::int64_t, std::int64_t>> members_;  // of each anchor: where its class begins and ends in order_
  std::vector<std::int8_t> marks_;                              // [anchors, references], where there are no labels
};

}  // namespace diva::inline v0_1::detail
