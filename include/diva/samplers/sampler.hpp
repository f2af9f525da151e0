#pragma once

#include <torch/types.h>
#include <diva/core/state.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace diva::inline v0_1 {

/// Which samples make up a training batch.
///
/// Most samplers are functions of (seed, epoch, batch) and nothing else, so they have no state, and a run can be taken up at any
/// batch. Those that choose by features plan an epoch when it starts, from features that they store (FeatureSampler); the calls of
/// a training loop are, for every sampler,
///
///   if (sampler.needs_features(epoch)) sampler.refresh(features of all samples);
///   sampler.start_epoch(epoch);
///   for each batch: indices = sampler.batch(epoch, i); …; if (sampler.takes_updates()) sampler.update(indices, embeddings);
///
/// Edge:    every batch has batch_size() samples, and none twice unless the sampler says otherwise.
/// Cost:    threads may share a sampler for `batch`.
class Sampler {
 public:
  virtual ~Sampler() = default;

  /// Sample indices of batch `index` of an epoch.
  /// Throws: OptionError when `epoch` is negative, `index` is not in [0, batches_per_epoch()), or the epoch was not started where
  ///         that is needed.
  [[nodiscard]] std::vector<std::int64_t> batch(std::int64_t epoch, std::int64_t index) const;

  [[nodiscard]] std::int64_t batch_size() const { return batch_size_; }
  [[nodiscard]] std::int64_t batches_per_epoch() const { return batches_per_epoch_; }  ///< At least 1.
  /// Labels of the classes that can never be drawn, ascending.
  [[nodiscard]] const std::vector<std::int64_t>& excluded_classes() const { return excluded_classes_; }
  /// What they have in common, to be told: "have fewer than 2 images".
  [[nodiscard]] const std::string& exclusion() const { return exclusion_; }

  /// Whether `refresh` must bring features before `start_epoch(epoch)`.
  [[nodiscard]] virtual bool needs_features(std::int64_t /*epoch*/) const { return false; }
  /// Features [samples, D] of all samples, in their order.
  virtual void refresh(const torch::Tensor& /*features*/) {}
  /// Whether `update` does anything.
  [[nodiscard]] virtual bool takes_updates() const { return false; }
  /// Features [B, D] of the samples `indices` [B] int64 as they were just computed in training.
  virtual void update(const torch::Tensor& /*indices*/, const torch::Tensor& /*features*/) {}
  virtual void start_epoch(std::int64_t /*epoch*/) {}

  /// What must be kept to continue exactly; empty for a function of (seed, epoch, batch).
  [[nodiscard]] virtual State state() const { return {}; }
  virtual void restore(const State& /*state*/) {}

 protected:
  std::int64_t batch_size_ = 0;
  std::int64_t batches_per_epoch_ = 0;
  std::vector<std::int64_t> excluded_classes_;
  std::string exclusion_;

 private:
  virtual std::vector<std::int64_t> make_batch(std::int64_t epoch, std::int64_t index) const = 0;
};

/// A sampler whose batches hang together within an epoch. It keeps the epoch that was asked for last; copies share it, since they
/// would plan the same.
class PlannedSampler : public Sampler {
 protected:
  PlannedSampler();

 private:
  struct Plan;

  /// The indices of all batches of an epoch, one after the other: batches_per_epoch() · batch_size().
  virtual std::vector<std::int64_t> plan(std::int64_t epoch) const = 0;
  std::vector<std::int64_t> make_batch(std::int64_t epoch, std::int64_t index) const final;

  std::shared_ptr<Plan> plan_;
};

}  // namespace diva::inline v0_1
