#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <new>
#include <span>
#include <vector>

namespace diva::inline v0_1::detail {

/// A row of the gallery that may be a neighbour: its distance as results have it, and its position in the gallery's order.
template <class T>
struct Candidate {
  T distance;
  std::int32_t column;
};

/// The candidates of queries that are worked on together: of all columns seen so far those that can still be among the k nearest,
/// as long as no limit was guessed too low. Different lists may be worked on by different threads.
template <class T>
class NeighbourLists {
 public:
  static constexpr T no_limit = std::numeric_limits<T>::infinity();

  /// Room for `queries` lists, each of k + k / 4 + 32 candidates, or of the whole gallery.
  NeighbourLists(std::int64_t k, std::int64_t gallery, std::int64_t queries)
      : k_(k), capacity_(capacity(k, gallery)), storage_(allocate(queries * capacity_)) {}

  /// Of one list.
  static std::int64_t bytes(std::int64_t k, std::int64_t gallery) {
    return capacity(k, gallery) * static_cast<std::int64_t>(sizeof(Candidate<T>));
  }

  /// Starts with empty lists, of the queries from this one on.
  void begin(std::int64_t first, std::int64_t count) {
    first_ = first;
    lists_.assign(count, {});
  }

  [[nodiscard]] std::span<Candidate<T>> candidates(std::int64_t query) {
    return {&storage_[(query - first_) * capacity_], static_cast<std::size_t>(list(query).count)};
  }
  [[nodiscard]] T limit(std::int64_t query) const { return lists_[query - first_].limit; }  ///< Beyond, a row is not wanted.
  [[nodiscard]] bool full(std::int64_t query) const { return lists_[query - first_].count == capacity_; }

  void append(std::int64_t query, Candidate<T> candidate) {
    storage_[(query - first_) * capacity_ + list(query).count++] = candidate;
  }

  /// Has the caches fetch the end of the list, for all lists together are larger than they are.
  void prefetch(std::int64_t query) const {
    __builtin_prefetch(&storage_[(query - first_) * capacity_ + lists_[query - first_].count], 1);
  }

  /// A limit that nothing proves; is_complete tells later whether it was too low.
  void guess_limit(std::int64_t query, T limit) {
    auto& own = list(query);
    if (limit < own.limit) own.limit = own.guess = limit;
  }

  /// Lowers the limit to the distance of the candidate of this rank, which is a guess if the rank is below k, and drops those
  /// beyond.
  void lower_limit(std::int64_t query, std::int64_t rank) {
    auto& own = list(query);
    if (own.count < rank) return;
    const auto all = candidates(query);
    std::ranges::nth_element(all, all.begin() + rank - 1, {}, &Candidate<T>::distance);
    const T last = all[rank - 1].distance;
    if (last < own.limit) {
      own.limit = last;
      if (rank < k_) own.guess = std::min(own.guess, last);
    }
    own.count = std::partition(all.begin() + rank, all.end(), [=](const auto& c) { return c.distance <= last; }) - all.begin();
  }

  /// Whether there is much room; if not, the candidates at the limit are more than a list is made for.
  [[nodiscard]] bool roomy(std::int64_t query) const { return lists_[query - first_].count - k_ <= (capacity_ - k_) / 2; }

  /// Keeps the candidates for whose position in the list keep(position) is true.
  template <class Keep>
  void retain(std::int64_t query, Keep&& keep) {
    const auto all = candidates(query);
    std::size_t kept = 0;
    for (std::size_t c = 0; c < all.size(); ++c) {
      if (keep(c)) all[kept++] = all[c];
    }
    list(query).count = static_cast<std::int64_t>(kept);
  }

  /// Whether the list holds the k nearest, all columns being seen. Drops what lies beyond them.
  bool is_complete(std::int64_t query) {
    lower_limit(query, k_);
    const auto& own = list(query);
    return own.guess == no_limit || (own.count >= k_ && candidates(query)[k_ - 1].distance <= own.guess);
  }

 private:
  struct List {
    std::int64_t count = 0;
    T limit = no_limit, guess = no_limit;  // of the guesses, the smallest
  };

  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };

  // In huge pages where the system has them and the lists fill some: appending goes from list to list, each on pages of its own. A few
  // short lists would pay for clearing a page that they hardly use.
  static Candidate<T>* allocate(std::int64_t count) {
    constexpr std::size_t huge = 2 << 20;
    const auto bytes = static_cast<std::size_t>(count) * sizeof(Candidate<T>);
    void* memory = bytes < huge ? std::malloc(bytes) : std::aligned_alloc(huge, (bytes + huge - 1) / huge * huge);
    if (memory == nullptr) throw std::bad_alloc();
#if defined(MADV_HUGEPAGE)
    if (bytes >= huge) madvise(memory, bytes, MADV_HUGEPAGE);  // a wish: nothing depends on whether it is granted
#endif
    return static_cast<Candidate<T>*>(memory);
  }

  static std::int64_t capacity(std::int64_t k, std::int64_t gallery) { return std::min(k + k / 4 + 32, gallery); }
  [[nodiscard]] List& list(std::int64_t query) { return lists_[query - first_]; }

  std::int64_t k_, capacity_, first_ = 0;
  std::vector<List> lists_;
  std::unique_ptr<Candidate<T>[], Free> storage_;
};

}  // namespace diva::inline v0_1::detail
