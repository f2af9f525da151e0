#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/samplers/sampler.hpp>

#include <cstdint>
#include <vector>

namespace diva::inline v0_1 {

struct ClassRandomSamplerOptions {
  std::int64_t batch_size = 112;
  std::int64_t samples_per_class = 2;  ///< n; divides batch_size. A batch has m = batch_size / n classes.
};

template <class Visitor>
void describe(ClassRandomSamplerOptions& options, Visitor&& visit) {
  visit("batch_size", options.batch_size, "samples in a batch", at_least(1));
  visit("samples_per_class", options.samples_per_class, "samples of each class in a batch; divides batch_size", at_least(1));
}

/// Batches of m different classes with n different samples each, classes and samples at random.
///
/// In an epoch the classes come from a shuffled deck that is dealt out and shuffled again when it is used up, and so do the samples
/// of each class. Hence after any batch of an epoch the counts of two classes differ by at most one, and so do those of two samples
/// of a class. Where a batch needs the end of one deck and the beginning of the next, cards that it already holds are put off until
/// after it, so a batch never holds a class or a sample twice. Every epoch starts with fresh decks.
///
/// Source:  DiVA's code, datasampler/class_random_sampler.py.
/// Differs: that code draws classes and samples with replacement, so batches repeat classes and pair samples with themselves; here
///          neither happens.
/// Edge:    classes with fewer than n samples are never drawn: see `excluded_classes`. ⌊samples / batch size⌋ batches an epoch, at
///          least 1.
/// Cost:    planning an epoch takes O(samples) time and memory, once; then O(batch_size) a batch.
class ClassRandomSampler : public PlannedSampler {
 public:
  /// `labels`: those of all samples, any integers. A batch is grouped by class: its first n samples belong to one class, the next n
  /// to another.
  /// Throws: OptionError when n does not divide the batch size; DataError when fewer than m classes have n samples.
  ClassRandomSampler(const std::vector<std::int64_t>& labels, ClassRandomSamplerOptions options, Generator generator);

  [[nodiscard]] const ClassRandomSamplerOptions& options() const { return options_; }

 private:
  std::vector<std::int64_t> plan(std::int64_t epoch) const override;

  ClassRandomSamplerOptions options_;
  Generator generator_;
  std::vector<std::vector<std::int64_t>> classes_;  // samples of each class that can be drawn
};

}  // namespace diva::inline v0_1
