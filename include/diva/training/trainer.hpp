#pragma once

#include <diva/data/image_cache.hpp>
#include <diva/data/loader.hpp>
#include <diva/samplers/registry.hpp>
#include <diva/training/evaluation.hpp>
#include <diva/training/events.hpp>
#include <diva/training/network.hpp>
#include <diva/training/objective.hpp>
#include <diva/training/optimizer.hpp>
#include <diva/training/precision.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace diva::inline v0_1 {

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
  Precision precision = Precision::float32;
  /// Batches whose mean gradient makes one step; each is mined by itself. The last step of an epoch may have fewer.
  std::int64_t accumulate = 1;
  /// Images whose graph is in memory at once, where positive: the criteria see the whole batch all the same (grad_cache), for a
  /// second forward pass. Layers that see the batch see a part of it; freeze batch normalisation.
  std::int64_t chunk_size = 0;
  /// Memory of a moving average of the weights, in [0, 1), where positive: evaluations, and load_network, take the average.
  double average_decay = 0;
  /// Parts of the network that are not trained: a prefix of parameters' names (`backbone`, `backbone.layer1`), for ever, or with
  /// `:N` for the first N epochs. A whole backbone so frozen also keeps its running statistics.
  std::vector<std::string> frozen = {};
  /// Computes the backbone's features of the evaluation views once and trains the heads on them: thousands of images a second,
  /// without augmentation. The backbone must be frozen for ever; not with the heads imrot and invariantspread, which need views.
  bool cache_features = false;
};

template <class Visitor>
void describe(TrainingOptions& options, Visitor&& visit) {
  visit("network", options.network, "backbone and heads", any_value);
  visit("objective", options.objective, "losses and their weights", any_value);
  visit("optimizer", options.optimizer, "how parameters move", any_value);
  visit("sampler", options.sampler, "how batches are drawn", any_value);
  visit("augmentation", options.augmentation, "how images become inputs", any_value);
  visit("evaluation", options.evaluation, "metrics and combinations of heads", any_value);
  visit("epochs", options.epochs, "passes over the training data", at_least(1));
  visit("seed", options.seed, "seed of every draw", non_negative);
  visit("weights", options.weights, "file of the backbone's start weights; empty: drawn", any_value);
  visit("precision", options.precision, "of the backbone in training: float32, bfloat16, half", any_value);
  visit("accumulate", options.accumulate, "batches whose mean gradient makes one step", at_least(1));
  visit("chunk_size", options.chunk_size, "images whose graph is in memory at once, where positive", non_negative);
  visit("average_decay", options.average_decay, "memory of a moving average of the weights", between(0, 1));
  visit("frozen", options.frozen, "parts that are not trained: PREFIX, or PREFIX:EPOCHS", any_value);
  visit("cache_features", options.cache_features, "train heads on features that are computed once", any_value);
}

/// How and where a run is carried out; nothing here changes its result.
struct RunOptions {
  std::string folder = {};            ///< For `checkpoint.safetensors` and what stands below; empty: nothing is written.
  bool resume = false;                ///< Go on from the folder's checkpoint where there is one.
  double checkpoint_minutes = 10;     ///< Between checkpoints; one is also written after each epoch and when the run is stopped.
  std::int64_t checkpoint_steps = 0;  ///< Also after every so many steps, where positive.
  std::int64_t keep_last =
      0;                   ///< So many of the last checkpoints also stay as `checkpoint-STEP.safetensors`; older ones are removed.
  bool keep_best = false;  ///< Also write `best.safetensors`, which load_network reads: the network of the best evaluation so far.
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
/// where there is a selfsimilarity head; triplets by each head's miner; the objective; the optimiser; momentum update; keys into
/// the queue.
///
/// The heads of self-supervised tasks cost forward passes: imrot one of the batch turned by quarters that are drawn for each image,
/// invariantspread one of second views, dc one of the whole training side every `objective.cluster_epochs` epochs, by evaluation
/// views. Each pass has its own statistics where batch normalisation is trained.
///
/// Samplers that choose by features get the embeddings of the first head that has a criterion: of all training images, by their
/// evaluation views, before the first epoch (and before each, where `store.refresh` is on), and of every batch after its step.
/// Categories of classes are what their names have before the last '/'.
///
/// Every draw comes from forks of one Generator by epoch and batch, and a checkpoint holds network, key network, moving average,
/// criteria, queue, clusters, optimiser, scale of losses, position and what the sampler stores. So a run that was stopped anywhere,
/// killed included, and resumed ends in the same bits as one that was not; on the CPU that also needs the same number of LibTorch's
/// threads, since sums inside convolutions are split by them.
///
/// Start weights are read when a run begins, not when it is resumed; entries of their file that the backbone does not know are told
/// as a warning.
///
/// Throws:  OptionError (options; a checkpoint of another recipe, with the fields that differ), DataError (data sets that do not
///          fit; start weights that lack a tensor of the backbone or have another shape; a loss that is not finite, with the term,
///          epoch and samples to blame; the last checkpoint stays), IoError (files).
TrainingResult train(const TrainingOptions& options, std::shared_ptr<const ImageStore> training,
                     std::shared_ptr<const ImageStore> evaluation, const RunOptions& run = {});

}  // namespace diva::inline v0_1
