#include "classes.hpp"
#include "deck.hpp"

#include <diva/samplers/full_random_sampler.hpp>

namespace diva::inline v0_1 {

FullRandomSampler::FullRandomSampler(std::int64_t samples, FullRandomSamplerOptions options, Generator generator)
    : samples_(samples), options_(options), generator_(generator) {
  validate_fields("FullRandomSampler", options_);
  detail::check_samples("FullRandomSampler", samples, options_.batch_size);
  batch_size_ = options_.batch_size;
  batches_per_epoch_ = (samples + batch_size_ - 1) / batch_size_;
}

std::vector<std::int64_t> FullRandomSampler::plan(std::int64_t epoch) const {
  detail::Deck deck(detail::numbers(samples_), generator_.fork(static_cast<std::uint64_t>(epoch)));
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < batches_per_epoch(); ++i) {
    const auto hand = deck.deal(static_cast<std::size_t>(batch_size()));
    indices.insert(indices.end(), hand.begin(), hand.end());
  }
  return indices;
}

}  // namespace diva::inline v0_1
