#include "cover.hpp"

#include "deck.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

namespace diva::inline v0_1::detail {
namespace {

// Weights that can be changed and drawn from in O(log n): a Fenwick tree of their sums.
class Weights {
 public:
  explicit Weights(const std::vector<std::int64_t>& weights)
      : weights_(weights.size(), 0), sums_(weights.size() + 1, 0), top_(std::bit_floor(weights.size())) {
    for (std::size_t i = 0; i < weights.size(); ++i) set(i, weights[i]);
  }

  [[nodiscard]] std::int64_t total() const { return total_; }

  void set(std::size_t index, std::int64_t weight) {
    const auto change = weight - weights_[index];
    weights_[index] = weight;
    total_ += change;
    for (auto node = index + 1; node < sums_.size(); node += node & (~node + 1)) sums_[node] += change;
  }

  // The first index whose cumulative weight exceeds `place` in [0, total).
  [[nodiscard]] std::size_t find(std::int64_t place) const {
    std::size_t node = 0;
    for (auto step = top_; step > 0; step /= 2) {
      if (node + step < sums_.size() && sums_[node + step] <= place) {
        node += step;
        place -= sums_[node];
      }
    }
    return node;
  }

 private:
  std::vector<std::int64_t> weights_;
  std::vector<std::int64_t> sums_;
  std::size_t top_;
  std::int64_t total_ = 0;
};

// Adds occurrences until they fill all rounds: one to each owner in random order, again and again, but none beyond the rounds.
void fill_up(std::vector<std::int64_t>& parts, std::int64_t rounds, std::int64_t per_round, Generator& generator) {
  auto missing = rounds * per_round - std::accumulate(parts.begin(), parts.end(), std::int64_t{0});
  while (missing > 0) {
    for (const auto owner : draw_different(numbers(std::ssize(parts)), std::ssize(parts), generator)) {
      auto& count = parts[static_cast<std::size_t>(owner)];
      if (count == rounds) continue;
      ++count;
      if (--missing == 0) break;
    }
  }
}

}  // namespace

std::int64_t cover_rounds(const std::vector<std::int64_t>& parts, std::int64_t per_round) {
  const auto sum = std::accumulate(parts.begin(), parts.end(), std::int64_t{0});
  return std::max((sum + per_round - 1) / per_round, *std::max_element(parts.begin(), parts.end()));
}

std::vector<std::vector<std::int64_t>> cover(std::vector<std::int64_t> parts, std::int64_t per_round, Generator& generator) {
  const auto rounds = cover_rounds(parts, per_round);
  fill_up(parts, rounds, per_round, generator);
  Weights weights(parts);
  // Owners by their occurrences; one moves down a list with each round that it is in, and its old entries no longer hold.
  std::vector<std::vector<std::size_t>> by_count(static_cast<std::size_t>(rounds) + 1);
  for (std::size_t i = 0; i < parts.size(); ++i) by_count[static_cast<std::size_t>(parts[i])].push_back(i);

  std::vector<std::vector<std::int64_t>> result;
  result.reserve(static_cast<std::size_t>(rounds));
  for (auto left = rounds; left > 0; --left) {
    std::vector<std::int64_t> round;
    const auto take = [&](std::size_t owner) {
      round.push_back(static_cast<std::int64_t>(owner));
      weights.set(owner, 0);
    };
    for (const auto owner : by_count[static_cast<std::size_t>(left)]) {
      if (parts[owner] == left) take(owner);
    }
    while (std::ssize(round) < per_round) take(weights.find(generator.below(weights.total())));
    for (const auto owner : round) {
      const auto place = static_cast<std::size_t>(owner);
      weights.set(place, --parts[place]);
      by_count[static_cast<std::size_t>(parts[place])].push_back(place);
    }
    result.push_back(std::move(round));
  }
  return result;
}

}  // namespace diva::inline v0_1::detail
