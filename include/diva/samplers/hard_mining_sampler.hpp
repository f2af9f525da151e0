#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/samplers/feature_sampler.hpp>

#include <cstdint>
#include <functional>
#include <vector>

namespace diva::inline v0_1 {

/// How hard samples are, from features [S, D] float32 and labels [S] int64 on the CPU: weights [S], finite and at least 0.
using SampleHardness =
    std::function<torch::Tensor(const torch::Tensor& features, const torch::Tensor& labels, Generator& generator)>;

/// How often each of `count` samples occurs in tuples, as a share of the most frequent one: a hardness, from what a miner chose.
///
///   w_i = n_i / max_j n_j,   n_i = places of i in all of `indices`
///
/// Source:  pytorch-metric-learning, loss_and_miner_utils.convert_to_weights.
/// Shapes:  tensors of int64, such as anchors, positives and negatives -> [count] float64 on the CPU.
/// Edge:    no tuple: zeros.
/// Throws:  ShapeError, DataError (an index out of range).
torch::Tensor occurrence_weights(const std::vector<torch::Tensor>& indices, std::int64_t count);

struct HardMiningSamplerOptions {
  std::int64_t batch_size = 112;
  std::int64_t subset_size = 0;  ///< Samples, drawn anew each epoch, that hardness is computed of and batches come from; 0: all.
  FeatureStoreOptions store = {};
};

template <class Visitor>
void describe(HardMiningSamplerOptions& options, Visitor&& visit) {
  visit("batch_size", options.batch_size, "samples in a batch", at_least(1));
  visit("subset_size", options.subset_size, "samples that are compared with one another in an epoch; 0: all", non_negative);
  visit("store", options.store, "features of all samples", any_value);
}

/// Offline hard mining: before each epoch the features of all samples, or of a random subset, are mined as one batch, and batches
/// are drawn with chances in proportion to the hardness of samples.
///
///   a batch: one sample after the other, P(i) ∝ w_i among those that it does not hold
///
/// Source:  pytorch-metric-learning, TuplesToWeightsSampler. Draws: Efraimidis & Spirakis, Weighted random sampling with a
///          reservoir, 2006: the smallest −log(u_i)/w_i.
/// Differs: that one draws with replacement, so a hard sample may fill a batch.
/// Edge:    fewer samples of positive weight than a batch has: all of them, and others of the subset at random.
///          ⌊subset / batch size⌋ batches an epoch.
/// Cost:    that of the hardness, often O(S²·D), and O(S·log S) a batch.
/// Throws:  OptionError without a hardness, or for a subset smaller than a batch; DataError for fewer samples than a batch has, and
///          when planning for weights that are not [S], not finite or negative.
class HardMiningSampler : public FeatureSampler {
 public:
  HardMiningSampler(std::vector<std::int64_t> labels, SampleHardness hardness, HardMiningSamplerOptions options,
                    Generator generator);

  [[nodiscard]] const HardMiningSamplerOptions& options() const { return options_; }

 private:
  std::vector<std::int64_t> plan(const torch::Tensor& features, Generator generator) const override;

  std::vector<std::int64_t> labels_;
  SampleHardness hardness_;
  HardMiningSamplerOptions options_;
};

}  // namespace diva::inline v0_1
