#pragma once

#include <torch/types.h>
#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/data/augmentation.hpp>
#include <diva/data/image_cache.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace diva::inline v0_1 {

struct LoaderOptions {
  std::int64_t threads = 0;   ///< Threads that read and augment; 0: as many as the machine has cores.
  std::int64_t prefetch = 4;  ///< Batches that are in the making or wait to be taken; ≥ 1. Each is B·C·H·W·4 bytes a view.
  std::int64_t views = 1;     ///< 2 also fills `Batch::second_view`, an independent augmentation of the same images; 3 … 16 more.
  bool bytes = false;         ///< Batches of grey levels, a quarter of the memory; `normalise` makes the floats, on any device.
};

template <class Visitor>
void describe(LoaderOptions& options, Visitor&& visit) {
  visit("threads", options.threads, "threads that read and augment; 0: one for each core", non_negative);
  visit("prefetch", options.prefetch, "batches made ahead", at_least(1));
  visit("views", options.views, "1, or 2 and more for further augmentations of each image", between(1, 16));
  visit("bytes", options.bytes, "batches of grey levels that are normalised where they are used");
}

struct Batch {
  torch::Tensor images;       ///< [B, C, H, W] float32, normalised, or uint8 (`bytes`); in pinned memory when CUDA is there.
  torch::Tensor second_view;  ///< Likewise, or undefined.
  torch::Tensor labels;       ///< [B] int64.
  torch::Tensor indices;      ///< [B] int64: which samples of the data set.
  std::int64_t number = 0;    ///< Its place in the epoch, from 0 on.
  std::vector<torch::Tensor> further_views = {};  ///< The third view and so on.
};

/// Reads, augments and batches images on its own threads, ahead of the consumer.
///
///   Loader loader(store, augmentation, Generator(seed));
///   loader.start_training(epoch, sampler.batches_per_epoch(), [&](std::int64_t i) { return sampler.batch(epoch, i); });
///   while (auto batch = loader.next()) { … }
///
/// View v of the sample at place p of batch b in epoch e is drawn from generator.fork(e).fork(b).fork(p).fork(v). So batches come
/// in order and are equal bit by bit for any number of threads and any prefetch, with or without the store's cache, and when an
/// epoch is entered in the middle by `first_batch`.
///
/// A file that cannot be read makes `next` throw when the batch that needs it is due, and again until the next start. To be used
/// from one thread; destruction (or a new start) waits only for the images in work.
class Loader {
 public:
  /// Which samples make up batch i; called by `start_training` and `next` in the consumer's thread, in order of i, up to `prefetch`
  /// batches ahead.
  using BatchIndices = std::function<std::vector<std::int64_t>(std::int64_t batch)>;

  /// Throws: OptionError for options out of bounds, or when store and augmentation differ in channels.
  Loader(std::shared_ptr<const ImageStore> store, AugmentationOptions augmentation, Generator generator,
         const LoaderOptions& options = {});
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// Begins to make the training views of batches first_batch … batches−1 of an epoch; what was begun before is dropped.
  /// Throws: OptionError unless 0 ≤ first_batch ≤ batches and epoch ≥ 0; DataError for an empty batch or an index outside the
  ///         data set (here or in `next`).
  void start_training(std::int64_t epoch, std::int64_t batches, BatchIndices batch_indices, std::int64_t first_batch = 0);
  void start_training(std::int64_t epoch, std::vector<std::vector<std::int64_t>> batches, std::int64_t first_batch = 0);

  /// Begins to make the evaluation views (one a sample) of the whole data set in order; the last batch may be smaller.
  void start_evaluation(std::int64_t batch_size);

  /// The next batch, waiting for it if need be; nothing after the last one, or before a start.
  std::optional<Batch> next();

  [[nodiscard]] const ImageStore& store() const { return *store_; }
  [[nodiscard]] const AugmentationOptions& augmentation() const { return augmentation_; }

 private:
  class Stream;

  std::shared_ptr<const ImageStore> store_;
  AugmentationOptions augmentation_;
  Generator generator_;
  LoaderOptions options_;
  std::unique_ptr<Stream> stream_;  // what was started; its end joins the threads
};

}  // namespace diva::inline v0_1
