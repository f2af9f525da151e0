#pragma once

#include <diva/core/generator.hpp>
#include <diva/samplers/feature_store.hpp>
#include <diva/samplers/sampler.hpp>

#include <cstdint>
#include <functional>
#include <vector>

namespace diva::inline v0_1 {

/// A sampler that chooses by the features of all samples.
///
/// `start_epoch` plans the batches of a whole epoch from the features stored at that moment, so that batches may be loaded ahead of
/// the steps that move the features, and a batch is a function of (seed, epoch, batch, stored features). Features of an epoch's
/// batches take effect in the next. State is the store and the plan, so a run resumed anywhere in an epoch goes on with the batches
/// that it had planned. Planning is spread over LibTorch's threads; the plan does not depend on their number.
///
/// Source:  the DiVA and Revisiting codes, datasampler/*: create_storage, precompute_indices, replace_storage_entries.
/// Differs: there batches that are chosen in one random subset of the data are then read as places of another random subset, which
///          makes them random, and the processes that choose are not seeded.
class FeatureSampler : public Sampler {
 public:
  [[nodiscard]] bool needs_features(std::int64_t epoch) const override;
  void refresh(const torch::Tensor& features) override;
  [[nodiscard]] bool takes_updates() const override { return store_.options().update; }
  void update(const torch::Tensor& indices, const torch::Tensor& features) override;
  /// Plans the epoch, unless it is the one that is planned. DataError before the first refresh.
  void start_epoch(std::int64_t epoch) override;

  /// `store.…`, `plan` [batches, batch size] and `epoch`.
  [[nodiscard]] State state() const override;
  void restore(const State& state) override;

  [[nodiscard]] const FeatureStore& store() const { return store_; }

 protected:
  FeatureSampler(std::int64_t samples, const FeatureStoreOptions& options, Generator generator);

  /// `choose` for every batch of an epoch, each with a generator of its own; in any order and at the same time, or in order with
  /// `parallel` false. LibTorch's operations in `choose` run on one thread.
  [[nodiscard]] std::vector<std::int64_t> plan_batches(Generator generator,
                                                       const std::function<std::vector<std::int64_t>(Generator&)>& choose,
                                                       bool parallel = true) const;

 private:
  /// The indices of all batches, one after the other. `generator` is that of the epoch.
  virtual std::vector<std::int64_t> plan(const torch::Tensor& features, Generator generator) const = 0;
  std::vector<std::int64_t> make_batch(std::int64_t epoch, std::int64_t index) const final;

  FeatureStore store_;
  Generator generator_;
  std::int64_t planned_epoch_ = -1;
  std::vector<std::int64_t> plan_;
};

}  // namespace diva::inline v0_1
