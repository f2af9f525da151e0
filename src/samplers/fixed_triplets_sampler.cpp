#include "classes.hpp"
#include "deck.hpp"

#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/samplers/fixed_triplets_sampler.hpp>

#include <algorithm>
#include <utility>

namespace diva::inline v0_1 {
namespace {

// Stream of the triplets that are drawn from labels; epochs take the streams from 0 on.
constexpr std::uint64_t triplet_stream = ~std::uint64_t{0};

}  // namespace

std::vector<IndexTriplet> draw_triplets(const std::vector<std::int64_t>& labels, std::int64_t count, Generator generator) {
  if (count < 1) detail::fail<OptionError>("draw_triplets", "count", "at least 1", std::to_string(count));
  const auto classes = detail::classes_of(labels).samples;
  std::vector<std::int64_t> anchors;  // classes that can give an anchor and a positive
  for (std::size_t c = 0; c < classes.size(); ++c) {
    if (classes[c].size() >= 2) anchors.push_back(static_cast<std::int64_t>(c));
  }
  if (classes.size() < 2 || anchors.empty()) {
    detail::fail<DataError>("draw_triplets", "labels", "of two classes, one of them with two samples",
                            fmt::format("{} classes, {} of them with two samples", classes.size(), anchors.size()));
  }
  // One of `count` places, but not `excluded`.
  const auto other = [&](std::int64_t places, std::int64_t excluded) {
    const auto place = generator.below(places - 1);
    return place < excluded ? place : place + 1;
  };
  std::vector<IndexTriplet> triplets;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto anchor_class = anchors[static_cast<std::size_t>(generator.below(std::ssize(anchors)))];
    const auto& own = classes[static_cast<std::size_t>(anchor_class)];
    const auto& others = classes[static_cast<std::size_t>(other(std::ssize(classes), anchor_class))];
    const auto anchor = generator.below(std::ssize(own));
    triplets.push_back({own[static_cast<std::size_t>(anchor)], own[static_cast<std::size_t>(other(std::ssize(own), anchor))],
                        others[static_cast<std::size_t>(generator.below(std::ssize(others)))]});
  }
  return triplets;
}

FixedTripletsSampler::FixedTripletsSampler(std::vector<IndexTriplet> triplets, FixedTripletsSamplerOptions options,
                                           Generator generator)
    : triplets_(std::move(triplets)), options_(options), generator_(generator) {
  validate_fields("FixedTripletsSampler", options_);
  const auto per_batch = detail::divide_batch("FixedTripletsSampler", options_.batch_size, 3, "3");
  if (std::ssize(triplets_) < per_batch) {
    detail::fail<DataError>("FixedTripletsSampler", "triplets", fmt::format("at least {}, which a batch has", per_batch),
                            std::to_string(triplets_.size()));
  }
  for (const auto& triplet : triplets_) {
    const auto least = *std::min_element(triplet.begin(), triplet.end());
    if (least < 0) detail::fail<DataError>("FixedTripletsSampler", "triplets", "of indices of at least 0", std::to_string(least));
  }
  batch_size_ = options_.batch_size;
  batches_per_epoch_ = (std::ssize(triplets_) + per_batch - 1) / per_batch;
}

FixedTripletsSampler::FixedTripletsSampler(const std::vector<std::int64_t>& labels, FixedTripletsSamplerOptions options,
                                           Generator generator)
    : FixedTripletsSampler(draw_triplets(labels, options.triplets, generator.fork(triplet_stream)), options, generator) {}

std::vector<std::int64_t> FixedTripletsSampler::plan(std::int64_t epoch) const {
  detail::Deck deck(detail::numbers(std::ssize(triplets_)), generator_.fork(static_cast<std::uint64_t>(epoch)));
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < batches_per_epoch(); ++i) {
    for (const auto number : deck.deal(static_cast<std::size_t>(batch_size() / 3))) {
      const auto& triplet = triplets_[static_cast<std::size_t>(number)];
      indices.insert(indices.end(), triplet.begin(), triplet.end());
    }
  }
  return indices;
}

}  // namespace diva::inline v0_1
