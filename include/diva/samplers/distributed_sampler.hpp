#pragma once

#include <diva/samplers/sampler.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace diva::inline v0_1 {

/// The part of a batch that one process of several computes: the batch is cut into `world_size` runs of neighbours, one for each
/// rank in order, whose lengths differ by at most one (the first ones are longer). Together they are the batch, each sample once;
/// groups of n samples of one class stay together where n·world_size divides the batch size.
///
/// Throws:  OptionError unless 0 ≤ rank < world_size.
std::vector<std::int64_t> rank_share(const std::vector<std::int64_t>& batch, std::int64_t rank, std::int64_t world_size);

/// What one process of several takes of every batch of any sampler. Each process makes the same sampler with the same seed, so all
/// agree on the batches without a word; each takes its share.
///
/// Features for samplers that store them must be the same in all processes: `update` is given those of the whole batch (gathered,
/// in the order of ranks), and `refresh` those of all samples. State is that of the whole sampler, so a checkpoint of one process
/// serves all, and any number of them.
///
/// Source:  none of pytorch-metric-learning's samplers has such a form (its issues #336, #546).
/// Throws:  OptionError unless 0 ≤ rank < world_size ≤ batch size.
class DistributedSampler : public Sampler {
 public:
  DistributedSampler(std::unique_ptr<Sampler> sampler, std::int64_t rank, std::int64_t world_size);

  [[nodiscard]] const Sampler& whole() const { return *sampler_; }

  [[nodiscard]] bool needs_features(std::int64_t epoch) const override { return sampler_->needs_features(epoch); }
  void refresh(const torch::Tensor& features) override { sampler_->refresh(features); }
  [[nodiscard]] bool takes_updates() const override { return sampler_->takes_updates(); }
  void update(const torch::Tensor& indices, const torch::Tensor& features) override { sampler_->update(indices, features); }
  void start_epoch(std::int64_t epoch) override { sampler_->start_epoch(epoch); }
  [[nodiscard]] State state() const override { return sampler_->state(); }
  void restore(const State& state) override { sampler_->restore(state); }

 private:
  std::vector<std::int64_t> make_batch(std::int64_t epoch, std::int64_t index) const override;

  std::unique_ptr<Sampler> sampler_;
  std::int64_t rank_;
  std::int64_t world_size_;
};

}  // namespace diva::inline v0_1
