#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/samplers/sampler.hpp>

#include <cstdint>
#include <vector>

namespace diva::inline v0_1 {

struct RandomSamplerOptions {
  std::int64_t batch_size = 112;
  bool positive = false;  ///< The last sample is of the class of another one: the seed's `rrandom`.
};

template <class Visitor>
void describe(RandomSamplerOptions& options, Visitor&& visit) {
  visit("batch_size", options.batch_size, "samples in a batch", at_least(1));
  visit("positive", options.positive, "the last sample is of the class of another one", any_value);
}

/// Batches of samples each drawn by a uniform class and a uniform sample of it, so that small classes count as much as large ones.
///
/// With `positive` the last sample is drawn among the samples of the class of a random one of the others, itself excluded, so that
/// every batch holds a positive pair.
///
/// Source:  the DiVA code, datasampler/random_sampler.py and rrandom_sampler.py.
/// Differs: there samples may occur twice in a batch, and the last of rrandom may be the very sample that it is to match. Here no
///          sample does: a class that is used up is no longer drawn. Nothing is promised of the samples that an epoch covers; for
///          that take FullRandomSampler or MPerClassSampler.
/// Edge:    `positive` and no class has a sample left beside those of the batch: the last is drawn as the others are.
///          ⌊samples / batch size⌋ batches an epoch.
/// Cost:    O(batch size) a batch, with nothing planned.
/// Throws:  DataError when there are fewer samples than a batch has.
class RandomSampler : public Sampler {
 public:
  RandomSampler(const std::vector<std::int64_t>& labels, RandomSamplerOptions options, Generator generator);

  [[nodiscard]] const RandomSamplerOptions& options() const { return options_; }

 private:
  std::vector<std::int64_t> make_batch(std::int64_t epoch, std::int64_t index) const override;

  RandomSamplerOptions options_;
  Generator generator_;
  std::vector<std::vector<std::int64_t>> classes_;  // samples of each class
  std::vector<std::int64_t> class_of_;              // of each sample, its place in classes_
};

}  // namespace diva::inline v0_1
