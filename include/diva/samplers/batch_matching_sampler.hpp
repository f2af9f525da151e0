#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/samplers/feature_sampler.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace diva::inline v0_1 {

/// What the best of several candidate batches is.
enum class BatchMatching {
  frechet,             ///< The least frechet_distance from the pool; candidates are single samples, filled up by their classes.
  class_frechet,       ///< The same of candidates that are whole batches.
  distance_moments,    ///< The least distance_moment_cost.
  distance_histogram,  ///< The least distance_histogram_cost.
  criterion,           ///< The least value of a criterion.
};

constexpr auto enumerators(BatchMatching) {
  return std::array{std::pair{BatchMatching::frechet, "frechet"}, std::pair{BatchMatching::class_frechet, "class_frechet"},
                    std::pair{BatchMatching::distance_moments, "distance_moments"},
                    std::pair{BatchMatching::distance_histogram, "distance_histogram"},
                    std::pair{BatchMatching::criterion, "criterion"}};
}

struct BatchMatchingSamplerOptions {
  std::int64_t batch_size = 112;
  std::int64_t samples_per_class = 2;  ///< n; divides batch_size.
  std::int64_t pool_size = 512;        ///< Samples that a batch shall stand for: the seed's `--data_batchmatch_bigbs`.
  std::int64_t candidates = 10;        ///< Batches that are compared: the seed's `--data_batchmatch_ncomps`.
  std::int64_t projection_dim = -1;    ///< Compare random projections to so many dimensions, where positive.
  BatchMatching matching = BatchMatching::frechet;
  FeatureStoreOptions store = {};
};

template <class Visitor>
void describe(BatchMatchingSamplerOptions& options, Visitor&& visit) {
  visit("batch_size", options.batch_size, "samples in a batch", at_least(1));
  visit("samples_per_class", options.samples_per_class, "samples of each class in a batch; divides batch_size", at_least(1));
  visit("pool_size", options.pool_size, "samples that a batch shall stand for", at_least(1));
  visit("candidates", options.candidates, "batches that are compared", at_least(1));
  visit("projection_dim", options.projection_dim, "compare random projections to so many dimensions, where positive", any_value);
  visit("matching", options.matching, "what the best candidate is", any_value);
  visit("store", options.store, "features of all samples", any_value);
}

/// The value of a criterion for a batch: features [B, D] float32 and labels [B] int64 on the CPU.
using BatchCriterion = std::function<double(const torch::Tensor& features, const torch::Tensor& labels, Generator& generator)>;

/// Batches that stand for a larger random set: of several candidates from a pool, the one that is most like the pool.
///
/// For each batch a pool of samples is drawn, then candidates from the pool; their costs are computed of stored features, and the
/// least one wins, of equal ones the first.
///
/// - frechet: the pool is a random part of the samples, of each class at most ⌊size/n⌋, so that there are always others to fill up
///   with. A candidate is m = batch_size / n samples of the pool; each of the best is then followed by n − 1 other samples of its
///   class, none twice. Classes may occur more than once, and follow the frequencies of the data.
/// - else: the pool is n random samples of each of random classes, then n further ones, …; a candidate is m different classes of it
///   with n of their samples each, and is the batch.
///
/// Source:  the DiVA code, datasampler/{fid,spc_fid,distmoment,disthist,criterion}_batchmatch_sampler.py.
/// Differs: there none of it runs, and fid's batch is read as places of another pool, so that it is random; classes and samples
///          are drawn with replacement. The projection there is nn.Linear's random initialisation; here entries are N(0, 1/dim),
///          which keeps distances on average. The criterion, always unset there, is given here and sees unprojected features.
/// Edge:    ⌊samples / batch size⌋ batches an epoch, at least 1. Classes with fewer than n samples are never drawn.
/// Cost:    a batch takes what one pool and `candidates` candidates of the cost function take: for 512 features of 128 dimensions,
///          batches of 112 and one core 4 ms for frechet, 10 ms for class_frechet, 8 ms for distances. Random batches are no way to
///          cover data: see `coverage`.
/// Throws:  OptionError when n does not divide the batch size, the pool is smaller than a candidate, or matching is `criterion`
///          and none is given; DataError when too few classes or samples can be drawn.
class BatchMatchingSampler : public FeatureSampler {
 public:
  BatchMatchingSampler(std::vector<std::int64_t> labels, BatchMatchingSamplerOptions options, Generator generator,
                       BatchCriterion criterion = {});

  [[nodiscard]] const BatchMatchingSamplerOptions& options() const { return options_; }

 private:
  std::vector<std::int64_t> plan(const torch::Tensor& features, Generator generator) const override;
  std::vector<std::int64_t> choose(const torch::Tensor& features, Generator& generator) const;

  std::vector<std::int64_t> labels_;
  std::vector<std::vector<std::int64_t>> classes_;  // samples of each class that can be drawn
  std::vector<std::int64_t> class_of_;              // of each sample, its place in classes_; -1 where it cannot be drawn
  BatchMatchingSamplerOptions options_;
  BatchCriterion criterion_;
};

}  // namespace diva::inline v0_1
