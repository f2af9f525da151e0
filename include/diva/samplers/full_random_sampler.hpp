#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/samplers/sampler.hpp>

#include <cstdint>
#include <vector>

namespace diva::inline v0_1 {

struct FullRandomSamplerOptions {
  std::int64_t batch_size = 112;
};

template <class Visitor>
void describe(FullRandomSamplerOptions& options, Visitor&& visit) {
  visit("batch_size", options.batch_size, "samples in a batch", at_least(1));
}

/// All samples in random order, whatever their classes: every epoch holds each sample once, and, where the batch size does not
/// divide their number, its last batch is filled up with others, each then for the second time.
///
/// Source:  plain shuffling. The DiVA code's full_random_sampler.py is its random_sampler.py word for word; what the name says is
///          here.
/// Edge:    ⌈samples / batch size⌉ batches an epoch.
/// Cost:    planning an epoch takes O(samples) time and memory.
/// Throws:  DataError when there are fewer samples than a batch has.
class FullRandomSampler : public PlannedSampler {
 public:
  FullRandomSampler(std::int64_t samples, FullRandomSamplerOptions options, Generator generator);

  [[nodiscard]] const FullRandomSamplerOptions& options() const { return options_; }

 private:
  std::vector<std::int64_t> plan(std::int64_t epoch) const override;

  std::int64_t samples_;
  FullRandomSamplerOptions options_;
  Generator generator_;
};

}  // namespace diva::inline v0_1
