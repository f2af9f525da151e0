#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/samplers/sampler.hpp>

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace diva::inline v0_1 {

/// What becomes of classes with fewer than n samples.
enum class SmallClasses {
  repeat,   ///< All their samples, the first ones again until there are n.
  exclude,  ///< Never drawn.
};

constexpr auto enumerators(SmallClasses) {
  return std::array{std::pair{SmallClasses::repeat, "repeat"}, std::pair{SmallClasses::exclude, "exclude"}};
}

struct MPerClassSamplerOptions {
  std::int64_t batch_size = 112;
  std::int64_t samples_per_class = 2;  ///< n; divides batch_size. A batch has m = batch_size / n classes.
  SmallClasses small_classes = SmallClasses::repeat;
};

template <class Visitor>
void describe(MPerClassSamplerOptions& options, Visitor&& visit) {
  visit("batch_size", options.batch_size, "samples in a batch", at_least(1));
  visit("samples_per_class", options.samples_per_class, "samples of each class in a batch; divides batch_size", at_least(1));
  visit("small_classes", options.small_classes, "of classes with fewer samples: repeat them, or exclude the class", any_value);
}

/// Batches of m different classes with n samples each, whose epochs hold every sample of every class at least once.
///
///   parts of class c: g_c = ⌈size_c / n⌉,   batches: T = max( ⌈Σ_c g_c / m⌉, max_c g_c )
///
/// A class gives its shuffled samples in parts of n; where the last part is short it is filled up with samples of the class that
/// were drawn before. Parts of one class never share a batch, so T is the least number of batches that can hold them all. Places
/// that are then left over go to all classes evenly. Batches are drawn one after the other: a class that has as many parts to give
/// as there are batches left must be in each, and the others are drawn with chances in proportion to the parts that they have left.
///
/// Source:  pytorch-metric-learning, MPerClassSampler.
/// Differs: that one draws classes and samples anew for every batch and never visits all of the data (its issue #684).
/// Edge:    a class with fewer than n samples: `small_classes`; with `repeat` its samples occur more than once in a batch (a
///          singleton is then paired with itself, in another view). One class much larger than the others makes many batches.
/// Cost:    planning an epoch takes O(samples + T·m·log classes) time, O(samples) memory.
/// Throws:  OptionError when n does not divide the batch size; DataError when there are fewer than m classes.
class MPerClassSampler : public PlannedSampler {
 public:
  MPerClassSampler(const std::vector<std::int64_t>& labels, MPerClassSamplerOptions options, Generator generator);

  [[nodiscard]] const MPerClassSamplerOptions& options() const { return options_; }

 private:
  std::vector<std::int64_t> plan(std::int64_t epoch) const override;

  MPerClassSamplerOptions options_;
  Generator generator_;
  std::vector<std::vector<std::int64_t>> classes_;
  std::vector<std::int64_t> parts_;  // g of each class
};

}  // namespace diva::inline v0_1
