#pragma once

#include <diva/data/loader.hpp>
#include <diva/ssl/key_queue.hpp>
#include <diva/training/network.hpp>
#include <diva/training/objective.hpp>
#include <diva/training/optimizer.hpp>
#include <diva/training/trainer.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace diva::inline v0_1::detail {

/// Streams of a run's generator; a new use takes a new number, so that old seeds keep their meaning.
enum Stream : std::uint64_t {
  network_stream,
  objective_stream,
  sampler_stream,
  loader_stream,
  mining_stream,
  evaluation_stream,
  rotation_stream,
  cluster_stream
};

/// Everything that a step changes, and the step.
///
///   for each of the step's batches: gradients(batch, …);   then update()
class Learner {
 public:
  /// Throws OptionError for options that do not fit each other.
  Learner(const TrainingOptions& options, std::int64_t num_classes, torch::Device device, const Generator& run);

  /// To be called before the first step, when the start weights are in place: network, and copies of it, go to the device.
  void begin(std::int64_t batch_size);
  /// Freezes and unfreezes what the options say for this epoch, and sets the training mode.
  void begin_epoch(std::int64_t epoch);
  /// Clusters the training images anew by their pooled features [N, F].
  void cluster(const torch::Tensor& features, std::int64_t epoch);
  [[nodiscard]] bool needs_clusters(std::int64_t epoch) const;
  /// Views that a batch must have.
  [[nodiscard]] std::int64_t views() const;

  struct Losses {
    double total = 0;
    std::vector<std::pair<std::string, double>> terms;  ///< Unweighted.
  };
  /// Adds `share` of a batch's gradient to what there is since the last update; nothing where the loss is not finite.
  /// `batch_number` is its place in the epoch. Embeddings of the batch are then in `embeddings`.
  Losses gradients(const Batch& batch, std::int64_t epoch, std::int64_t batch_number, double share);
  /// The optimiser's step with what the gradients are by now, and what follows from it.
  void update(const SchedulePosition& position);

  [[nodiscard]] Network& network() { return network_; }
  /// What is evaluated: the moving average of the weights where there is one.
  [[nodiscard]] Network& evaluated() { return average_ ? *average_ : network_; }
  [[nodiscard]] const Objective& objective() const { return objective_; }
  [[nodiscard]] const Embeddings& embeddings() const { return embeddings_; }
  [[nodiscard]] double learning_rate() const { return optimizer_->learning_rate(); }

  /// Entries `network`, `objective`, `optimizer` and what else there is.
  void save(State& state) const;
  void restore(const State& state);

 private:
  struct Inputs;

  [[nodiscard]] torch::Tensor features(Network& network, const torch::Tensor& images) const;
  [[nodiscard]] torch::Tensor columns(const Inputs& inputs, std::int64_t first, std::int64_t count);
  [[nodiscard]] torch::Tensor keys_of(const Batch& batch);

  const TrainingOptions& options_;
  torch::Device device_;
  Generator generator_;
  Network network_;
  Objective objective_;
  std::optional<Network> key_network_;
  std::optional<Network> average_;
  std::optional<KeyQueue> queue_;
  std::optional<Optimizer> optimizer_;
  LossScaler scaler_;
  torch::Tensor clusters_;               // [N] int64, of the training images
  Embeddings embeddings_;                // of the last batch, without their graph
  std::vector<torch::Tensor> new_keys_;  // of the batches since the last update
};

}  // namespace diva::inline v0_1::detail
