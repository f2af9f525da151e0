#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/samplers/coreset.hpp>
#include <diva/samplers/feature_sampler.hpp>

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace diva::inline v0_1 {

/// Which coreset a batch is.
enum class Coreset {
  greedy,       ///< greedy_coreset of one sample for each class of the batch, filled up by their classes.
  full_greedy,  ///< greedy_coreset of all samples but one, which is a positive.
  d2,           ///< d2_coreset of one sample for each class of the batch, filled up by their classes.
};

constexpr auto enumerators(Coreset) {
  return std::array{std::pair{Coreset::greedy, "greedy"}, std::pair{Coreset::full_greedy, "full_greedy"},
                    std::pair{Coreset::d2, "d2"}};
}

struct CoresetSamplerOptions {
  std::int64_t batch_size = 112;
  std::int64_t samples_per_class = 2;  ///< n; divides batch_size. Not for full_greedy.
  std::int64_t pool_size = 512;        ///< Samples that a batch is chosen from: the seed's `--data_batchmatch_bigbs`.
  std::int64_t projection_dim = -1;    ///< Measure random projections to so many dimensions, where positive.
  Coreset coreset = Coreset::greedy;
  GreedyCoresetOptions greedy = {};
  double lambda = 1;  ///< λ of d2_coreset: the seed's `--data_d2_coreset_lambda`.
  FeatureStoreOptions store = {};
};

template <class Visitor>
void describe(CoresetSamplerOptions& options, Visitor&& visit) {
  visit("batch_size", options.batch_size, "samples in a batch", at_least(1));
  visit("samples_per_class", options.samples_per_class, "samples of each class in a batch; divides batch_size", at_least(1));
  visit("pool_size", options.pool_size, "samples that a batch is chosen from", at_least(1));
  visit("projection_dim", options.projection_dim, "measure random projections to so many dimensions, where positive", any_value);
  visit("coreset", options.coreset, "which coreset a batch is", any_value);
  visit("greedy", options.greedy, "of the greedy coresets", any_value);
  visit("lambda", options.lambda, "exponent of the distances of the d2 coreset", non_negative);
  visit("store", options.store, "features of all samples", any_value);
}

/// Batches that cover a larger random set: a coreset of the stored features of a pool.
///
/// - greedy, d2: the pool is a random part of the samples, of each class at most ⌊size/n⌋; the coreset are m = batch_size / n of
///   it, and each is followed by n − 1 other samples of its class, none twice. Classes may occur more than once.
/// - full_greedy: the pool is any random part of the samples; batch_size − 1 of it are the coreset, and the last sample is of the
///   class of a random one of them.
///
/// Source:  the DiVA code, datasampler/{greedy,full_greedy,d2}_coreset_sampler.py.
/// Differs: there none of it runs, and the coreset is read as places of another pool, so that batches are random; fillers may
///          repeat samples. For projections see BatchMatchingSampler.
/// Edge:    ⌊samples / batch size⌋ batches an epoch, at least 1. greedy, d2: classes with fewer than n samples are never drawn.
///          full_greedy where no class has a sample left: the last is any other sample.
/// Cost:    a batch takes O(pool·m·D), and d2 O(pool·D² + D³): for 512 features of 128 dimensions and 112 samples a batch 3 ms of a
///          core for greedy, 5 ms for full_greedy, 7 ms for d2.
/// Throws:  OptionError when n does not divide the batch size, or the pool is smaller than the coreset; DataError when too few
///          samples can be drawn.
class CoresetSampler : public FeatureSampler {
 public:
  CoresetSampler(const std::vector<std::int64_t>& labels, CoresetSamplerOptions options, Generator generator);

  [[nodiscard]] const CoresetSamplerOptions& options() const { return options_; }

 private:
  std::vector<std::int64_t> plan(const torch::Tensor& features, Generator generator) const override;
  std::vector<std::int64_t> choose(const torch::Tensor& features, Generator& generator) const;

  std::vector<std::int64_t> class_of_;              // of each sample, its place in classes_; -1 where it cannot be drawn
  std::vector<std::vector<std::int64_t>> classes_;  // samples of each class that can be drawn
  CoresetSamplerOptions options_;
};

}  // namespace diva::inline v0_1
