#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/samplers/sampler.hpp>

#include <array>
#include <cstdint>
#include <vector>

namespace diva::inline v0_1 {

/// Sample indices of an anchor, a positive and a negative.
using IndexTriplet = std::array<std::int64_t, 3>;

/// `count` triplets from labels alone: two different classes uniformly, two different samples of the first and one of the second.
///
/// Source:  pytorch-metric-learning, FixedSetOfTriplets.
/// Differs: there an anchor of a class with one sample is its own positive; here such a class gives negatives only.
/// Throws:  OptionError for count < 1; DataError unless there are two classes, one of them with two samples.
std::vector<IndexTriplet> draw_triplets(const std::vector<std::int64_t>& labels, std::int64_t count, Generator generator);

struct FixedTripletsSamplerOptions {
  std::int64_t batch_size = 111;   ///< Samples, a multiple of 3.
  std::int64_t triplets = 10'000;  ///< Triplets that are drawn where none are given.
};

template <class Visitor>
void describe(FixedTripletsSamplerOptions& options, Visitor&& visit) {
  visit("batch_size", options.batch_size, "samples in a batch, a multiple of 3", at_least(3));
  visit("triplets", options.triplets, "triplets that are drawn where none are given", at_least(1));
}

/// The same triplets in every epoch, in random order: training on triplets as the only truth. A batch is a_0 p_0 n_0 a_1 p_1 n_1 …,
/// which the miner `packaged_triplets` reads.
///
/// Source:  pytorch-metric-learning, FixedSetOfTriplets.
/// Edge:    every epoch holds each triplet; where they do not fill the last batch, others are in it for the second time. Different
///          triplets may share samples, so a sample may occur more than once in a batch.
///          ⌈triplets / (batch_size / 3)⌉ batches an epoch.
/// Cost:    planning an epoch takes O(triplets) time and memory.
/// Throws:  OptionError for a batch size that 3 does not divide; DataError for fewer triplets than a batch has, or a negative
///          index.
class FixedTripletsSampler : public PlannedSampler {
 public:
  FixedTripletsSampler(std::vector<IndexTriplet> triplets, FixedTripletsSamplerOptions options, Generator generator);
  /// Of `options.triplets` triplets that draw_triplets draws from the labels.
  FixedTripletsSampler(const std::vector<std::int64_t>& labels, FixedTripletsSamplerOptions options, Generator generator);

  [[nodiscard]] const FixedTripletsSamplerOptions& options() const { return options_; }
  [[nodiscard]] const std::vector<IndexTriplet>& triplets() const { return triplets_; }

 private:
  std::vector<std::int64_t> plan(std::int64_t epoch) const override;

  std::vector<IndexTriplet> triplets_;
  FixedTripletsSamplerOptions options_;
  Generator generator_;
};

}  // namespace diva::inline v0_1
