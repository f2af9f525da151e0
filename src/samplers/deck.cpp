#include "deck.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace diva::inline v0_1::detail {

Deck::Deck(std::vector<std::int64_t> cards, Generator generator) : cards_(std::move(cards)), generator_(generator) { shuffle(); }

std::vector<std::int64_t> Deck::deal(std::size_t count) {
  const auto available = std::min(count, cards_.size() - next_);
  const auto first = cards_.begin() + static_cast<std::ptrdiff_t>(next_);
  std::vector<std::int64_t> hand(first, first + static_cast<std::ptrdiff_t>(available));
  next_ += available;
  if (hand.size() < count) {
    shuffle();
    complete(hand, count);
  }
  return hand;
}

void Deck::shuffle() {
  for (auto last = cards_.size(); last > 1; --last) {
    std::swap(cards_[last - 1], cards_[static_cast<std::size_t>(generator_.below(static_cast<std::int64_t>(last)))]);
  }
  next_ = 0;
}

// Fills the hand with the first cards of the fresh deck that it does not hold; they move to the front, the rest keeps its order.
void Deck::complete(std::vector<std::int64_t>& hand, std::size_t count) {
  auto held = hand;
  std::sort(held.begin(), held.end());
  std::vector<std::int64_t> rest;
  for (const auto card : cards_) {
    const bool wanted = hand.size() < count && !std::binary_search(held.begin(), held.end(), card);
    (wanted ? hand : rest).push_back(card);
  }
  next_ = count - held.size();
  std::copy(hand.begin() + static_cast<std::ptrdiff_t>(held.size()), hand.end(), cards_.begin());
  std::copy(rest.begin(), rest.end(), cards_.begin() + static_cast<std::ptrdiff_t>(next_));
}

std::vector<Deck> make_decks(const std::vector<std::vector<std::int64_t>>& cards, const Generator& generator) {
  std::vector<Deck> decks;
  decks.reserve(cards.size());
  for (std::size_t i = 0; i < cards.size(); ++i) decks.emplace_back(cards[i], generator.fork(i + 1));
  return decks;
}

std::vector<std::int64_t> numbers(std::int64_t count) {
  std::vector<std::int64_t> result(static_cast<std::size_t>(count));
  std::iota(result.begin(), result.end(), 0);
  return result;
}

std::vector<std::int64_t> draw_different(std::vector<std::int64_t> values, std::int64_t count, Generator& generator) {
  const auto available = std::ssize(values);
  const auto drawn = std::min(count, available);
  for (std::int64_t i = 0; i < drawn; ++i)
    std::swap(values[static_cast<std::size_t>(i)], values[static_cast<std::size_t>(i + generator.below(available - i))]);
  values.resize(static_cast<std::size_t>(drawn));
  return values;
}

}  // namespace diva::inline v0_1::detail
