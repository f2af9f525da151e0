#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/samplers/sampler.hpp>

#include <cstdint>
#include <vector>

namespace diva::inline v0_1 {

struct HierarchicalSamplerOptions {
  std::int64_t batch_size = 112;
  std::int64_t samples_per_class = 2;        ///< n.
  std::int64_t categories_per_batch = 2;     ///< S; n·S divides batch_size.
  std::int64_t batches_per_combination = 4;  ///< Batches of each choice of S categories.
};

template <class Visitor>
void describe(HierarchicalSamplerOptions& options, Visitor&& visit) {
  visit("batch_size", options.batch_size, "samples in a batch", at_least(1));
  visit("samples_per_class", options.samples_per_class, "samples of each class in a batch", at_least(1));
  visit("categories_per_batch", options.categories_per_batch, "categories in a batch; with it samples_per_class divides batch_size",
        at_least(1));
  visit("batches_per_combination", options.batches_per_combination, "batches of each choice of that many categories", at_least(1));
}

/// Every choice of S categories makes the same number of batches, each of batch_size / (n·S) classes of each of them with n samples
/// each; an epoch holds all of these batches in random order.
///
/// Classes of a category and samples of a class are dealt from shuffled decks, as in ClassRandomSampler.
///
/// Source:  pytorch-metric-learning, HierarchicalSampler, after Kunhe's Deep-Metric-Learning-Baselines.
/// Differs: there a category with too few classes makes a smaller batch, and classes with too few samples repeat them.
/// Edge:    classes with fewer than n samples, and categories with too few others, are never drawn: `excluded_classes`.
///          batches_per_combination · (categories choose S) batches an epoch, however many samples there are.
/// Cost:    planning an epoch takes O(samples + batches·batch size) time and memory.
/// Throws:  OptionError when n·S does not divide the batch size, or for more than 2^24 batches; DataError as CategorySampler.
class HierarchicalSampler : public PlannedSampler {
 public:
  /// `categories`: that of each sample, any integers.
  HierarchicalSampler(const std::vector<std::int64_t>& labels, const std::vector<std::int64_t>& categories,
                      HierarchicalSamplerOptions options, Generator generator);

  [[nodiscard]] const HierarchicalSamplerOptions& options() const { return options_; }

 private:
  std::vector<std::int64_t> plan(std::int64_t epoch) const override;

  HierarchicalSamplerOptions options_;
  Generator generator_;
  std::vector<std::vector<std::int64_t>> classes_;     // samples of each class
  std::vector<std::vector<std::int64_t>> categories_;  // of each category, the places of its classes in classes_
};

}  // namespace diva::inline v0_1
