#pragma once

#include <torch/types.h>
#include <diva/core/options.hpp>
#include <diva/core/state.hpp>

#include <cstdint>

namespace diva::inline v0_1 {

struct FeatureStoreOptions {
  bool update = true;        ///< Take the features of each trained batch; the seed's `--data_storage_no_update` says false.
  bool refresh = false;      ///< Compute all features anew before each epoch: the seed's `--data_idx_full_prec`.
  double momentum = -1;      ///< μ of a refresh, where positive; < 1. The seed's `--data_mb_mom`.
  double learning_rate = 1;  ///< η: the share of the smoothed movement that is added. The seed's `--data_mb_lr`.
};

template <class Visitor>
void describe(FeatureStoreOptions& options, Visitor&& visit) {
  visit("update", options.update, "take the features of each trained batch", any_value);
  visit("refresh", options.refresh, "compute all features anew before each epoch", any_value);
  visit("momentum", options.momentum, "of the movement between two refreshes, where positive",
        Bounds{.upper = 1, .upper_open = true});
  visit("learning_rate", options.learning_rate, "share of the smoothed movement that a refresh adds", non_negative);
}

/// The features of all samples as they were last seen, which samplers choose by.
///
///   refresh with f:   s ← f, or where μ > 0 and this is not the first:  v ← μ v + (1 − μ)(f − s),  s ← f + η v   (v = 0 at first)
///   update of i:      s_i ← f_i
///
/// So with momentum a store stands ahead of the features, where they are moving to.
///
/// Source:  the DiVA code, datasampler/full_greedy_coreset_sampler.py (full_storage_update, replace_storage_entries).
/// Differs: there diva_main.py never fills the storage, and the call that would refresh it is in the Revisiting code alone.
/// Shapes:  features [N, D], any floating type and device; kept as float32 on the CPU.
/// Cost:    N·D floats, twice that with momentum.
/// Throws:  ShapeError; DataError for features that are not finite, for an index out of range, or an update before a refresh.
class FeatureStore {
 public:
  /// OptionError for samples < 1 and options out of bounds.
  explicit FeatureStore(std::int64_t samples, FeatureStoreOptions options = {});

  /// Whether there was a refresh.
  [[nodiscard]] bool filled() const { return features_.defined(); }
  /// [N, D] float32 on the CPU; undefined before the first refresh. Not to be written.
  [[nodiscard]] const torch::Tensor& features() const { return features_; }
  [[nodiscard]] const FeatureStoreOptions& options() const { return options_; }
  [[nodiscard]] std::int64_t samples() const { return samples_; }

  void refresh(const torch::Tensor& features);
  /// Of an index that occurs twice the last counts. Does as it says whatever `options.update`, which is for the caller.
  void update(const torch::Tensor& indices, const torch::Tensor& features);

  /// `features` and `velocity`, where they are there.
  [[nodiscard]] State state() const;
  void restore(const State& state);

 private:
  std::int64_t samples_;
  FeatureStoreOptions options_;
  torch::Tensor features_;
  torch::Tensor velocity_;
};

}  // namespace diva::inline v0_1
