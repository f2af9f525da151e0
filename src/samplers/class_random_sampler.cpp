#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/samplers/class_random_sampler.hpp>

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

namespace diva {
namespace {

// Deals cards without end, each once in every pass.
class Deck {
 public:
  Deck(std::vector<std::int64_t> cards, Generator generator) : cards_(std::move(cards)), generator_(generator) { shuffle(); }

  // `count` different cards, at most as many as there are.
  std::vector<std::int64_t> deal(std::size_t count) {
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

 private:
  void shuffle() {
    for (auto last = cards_.size(); last > 1; --last) {
      std::swap(cards_[last - 1], cards_[static_cast<std::size_t>(generator_.below(static_cast<std::int64_t>(last)))]);
    }
    next_ = 0;
  }

  // Fills the hand with the first cards of the fresh deck that it does not hold; they move to the front, the rest keeps its order.
  void complete(std::vector<std::int64_t>& hand, std::size_t count) {
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

  std::vector<std::int64_t> cards_;
  std::size_t next_ = 0;
  Generator generator_;
};

}  // namespace

struct ClassRandomSampler::Plan {
  std::mutex mutex;
  std::int64_t epoch = -1;
  std::vector<std::int64_t> indices;  // of all batches, one after the other
};

ClassRandomSampler::ClassRandomSampler(const std::vector<std::int64_t>& labels, ClassRandomSamplerOptions options,
                                       Generator generator)
    : options_(options), generator_(generator), plan_(std::make_shared<Plan>()) {
  validate_fields("ClassRandomSampler", options_);
  if (options_.batch_size % options_.samples_per_class != 0) {
    detail::fail<OptionError>("ClassRandomSampler", "batch_size",
                              fmt::format("a multiple of samples_per_class = {}", options_.samples_per_class),
                              std::to_string(options_.batch_size));
  }
  std::map<std::int64_t, std::vector<std::int64_t>> all;
  for (std::size_t i = 0; i < labels.size(); ++i) all[labels[i]].push_back(static_cast<std::int64_t>(i));
  for (auto& [label, samples] : all) {
    if (static_cast<std::int64_t>(samples.size()) < options_.samples_per_class) {
      excluded_.push_back(label);
    } else {
      classes_.push_back(std::move(samples));
    }
  }
  const auto classes_per_batch = options_.batch_size / options_.samples_per_class;
  if (static_cast<std::int64_t>(classes_.size()) < classes_per_batch) {
    detail::fail<DataError>("ClassRandomSampler", "labels",
                            fmt::format("of at least {} classes with {} samples each (batch_size {})", classes_per_batch,
                                        options_.samples_per_class, options_.batch_size),
                            fmt::format("{} of {} classes", classes_.size(), all.size()));
  }
  batches_per_epoch_ = static_cast<std::int64_t>(labels.size()) / options_.batch_size;
}

std::vector<std::int64_t> ClassRandomSampler::batch(std::int64_t epoch, std::int64_t index) const {
  if (epoch < 0) detail::fail<OptionError>("ClassRandomSampler::batch", "epoch", "at least 0", std::to_string(epoch));
  if (index < 0 || index >= batches_per_epoch_) {
    detail::fail<OptionError>("ClassRandomSampler::batch", "index", fmt::format("in [0, {})", batches_per_epoch_),
                              std::to_string(index));
  }
  const std::scoped_lock lock(plan_->mutex);
  if (plan_->epoch != epoch) {
    const auto generator = generator_.fork(static_cast<std::uint64_t>(epoch));
    std::vector<std::int64_t> numbers(classes_.size());
    std::vector<Deck> samples;
    samples.reserve(classes_.size());
    for (std::size_t i = 0; i < classes_.size(); ++i) {
      numbers[i] = static_cast<std::int64_t>(i);
      samples.emplace_back(classes_[i], generator.fork(i + 1));
    }
    Deck classes(std::move(numbers), generator.fork(0));
    plan_->epoch = -1;  // stays so if memory runs out on the way
    plan_->indices.clear();
    const auto per_class = static_cast<std::size_t>(options_.samples_per_class);
    for (std::int64_t i = 0; i < batches_per_epoch_; ++i) {
      for (const auto number : classes.deal(static_cast<std::size_t>(options_.batch_size) / per_class)) {
        const auto hand = samples[static_cast<std::size_t>(number)].deal(per_class);
        plan_->indices.insert(plan_->indices.end(), hand.begin(), hand.end());
      }
    }
    plan_->epoch = epoch;
  }
  const auto first = plan_->indices.begin() + index * options_.batch_size;
  return {first, first + options_.batch_size};
}

}  // namespace diva
