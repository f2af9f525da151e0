#pragma once

#include <diva/data/image_cache.hpp>
#include <diva/data/loader.hpp>
#include <diva/samplers/registry.hpp>
#include <diva/training/evaluation.hpp>
#include <diva/training/events.hpp>
#include <diva/training/network.hpp>
#include <diva/training/objective.hpp>
#include <diva/training/optimizer.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace diva {

/// Everything that a run is a function of, besides its data: the recipe. It is written into each checkpoint as JSON.
struct TrainingOptions {
  NetworkOptions network = {};
  ObjectiveOptions objective = {};
  OptimizerOptions optimizer = {};
  SamplerOptions sampler = {};
  AugmentationOptions augmentation = {};
  EvaluationOptions evaluation = {};
  std::int64_t epochs = 150;
  std::int64_t seed = 0;     ///< Of every draw of the run.
  std::string weights = {};  ///< File of the backbone's start weights, of any library that load_weights knows; empty: drawn.
};

template <class Visitor>
void describe(TrainingOptions& options, Visitor&& visit) {
  visit("network", options.network, "backbone and heads", any_value);
  visit("objective", options.objective, "losses and their weights", any_value);
  visit("optimizer", options.optimizer, "Adam and its schedule", any_value);
  visit("sampler", options.sampler, "how batches are drawn", any_value);
  visit("augmentation", options.augmentation, "how images become inputs", any_value);
  visit("evaluation", options.evaluation, "metrics and combinations of heads", any_value);
  visit("epochs", options.epochs, "passes over the training data", at_least(1));
  visit("seed", options.seed, "seed of every draw", non_negative);
  visit("weights", options.weights, "file of the backbone's start weights; empty: drawn", any_value);
}

/// How and where a run is carried out; nothing here changes its result.
struct RunOptions {
  std::string folder = {};            ///< For `checkpoint.safetensors`; empty: no checkpoint is written.
  bool resume = false;                ///< Go on from the folder's checkpoint where there is one.
  double checkpoint_minutes = 10;     ///< Between checkpoints; one is also written after each epoch and when the run is stopped.
  std::int64_t checkpoint_steps = 0;  ///< Also after every so many steps, where positive.
  torch::Device device = torch::kCPU;
  LoaderOptions loader = {};        ///< Threads and prefetch; `views` is set as the heads need.
  std::function<bool()> stop = {};  ///< Asked after each step; true saves and ends the run, as Ctrl-C does through StopSignal.
  std::vector<Observer*> observers = {};  ///< Not owned.
};

struct TrainingResult {
  Network network;                           ///< As trained, in training mode.
  std::vector<EvaluationEvent> evaluations;  ///< All of the run, those before a resume included; their seconds then are 0.
  std::int64_t steps = 0;
  bool finished = false;  ///< False when it was stopped.
};

/// Where a folder's checkpoint stands: {0, 0} where there is none.
struct Progress {
  std::int64_t step = 0;
  std::int64_t epoch = 0;  ///< Epochs that are complete.
};
Progress checkpoint_progress(const std::string& folder);

/// Trains a network on one data set and evaluates it on another, whose classes need not be the same.
///
/// One step: a batch of the sampler, views of the loader, embeddings of all heads; keys of the second view by the momentum network
/// where there is a selfsimilarity head; triplets by each head's miner; the objective; Adam; momentum update; keys into the queue.
///
/// Samplers that choose by features get the embeddings of the first head that has a criterion: of all training images, by their
/// evaluation views, before the first epoch (and before each, where `store.refresh` is on), and of every batch after its step.
/// Categories of classes are what their names have before the last '/'.
///
/// Every draw comes from forks of one Generator by epoch and batch, and a checkpoint holds network, key network, criteria, queue,
/// optimiser, position and what the sampler stores. So a run that was stopped anywhere, killed included, and resumed ends in the
/// same bits as one that was not; on the CPU that also needs the same number of LibTorch's threads, since sums inside convolutions
/// are split by them.
///
/// Start weights are read when a run begins, not when it is resumed; entries of their file that the backbone does not know are told
/// as a warning.
///
/// Throws:  OptionError (options; a checkpoint of another recipe, with the fields that differ), DataError (data sets that do not
///          fit; start weights that lack a tensor of the backbone or have another shape; a loss that is not finite, with the term,
///          epoch and samples to blame; the last checkpoint stays), IoError (files).
TrainingResult train(const TrainingOptions& options, std::shared_ptr<const ImageStore> training,
                     std::shared_ptr<const ImageStore> evaluation, const RunOptions& run = {});

}  // namespace diva
