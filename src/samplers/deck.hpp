#pragma once

#include <diva/core/generator.hpp>

#include <cstdint>
#include <vector>

namespace diva::inline v0_1::detail {

/// Deals cards without end, each once in every pass.
class Deck {
 public:
  Deck(std::vector<std::int64_t> cards, Generator generator);

  /// `count` different cards, at most as many as there are. Where that takes the end of one pass and the beginning of the next,
  /// cards that are already in the hand are put off until after it.
  std::vector<std::int64_t> deal(std::size_t count);

 private:
  void shuffle();
  void complete(std::vector<std::int64_t>& hand, std::size_t count);

  std::vector<std::int64_t> cards_;
  std::size_t next_ = 0;
  Generator generator_;
};

/// A deck of each list of cards; that of list i is shuffled by generator.fork(i + 1), so that fork(0) is left to others.
std::vector<Deck> make_decks(const std::vector<std::vector<std::int64_t>>& cards, const Generator& generator);

/// 0 … count − 1.
std::vector<std::int64_t> numbers(std::int64_t count);

/// `count` different ones of `values` in random order, all orders equally likely; all of them where there are fewer.
std::vector<std::int64_t> draw_different(std::vector<std::int64_t> values, std::int64_t count, Generator& generator);

}  // namespace diva::inline v0_1::detail
