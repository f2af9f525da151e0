#pragma once

#include <diva/core/options.hpp>
#include <diva/data/dataset.hpp>
#include <diva/io/image.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace diva {

/// How an ImageStore reads. Whether it caches changes only its speed, never an image.
struct ImageStoreOptions {
  std::int64_t channels = 3;    ///< 3 (RGB) or 1 (grey).
  std::int64_t short_side = 0;  ///< Larger images are shrunk to this short side when they are read; 0 keeps them as stored.
  bool cache = false;           ///< Decode all images at once and keep them in memory.
  std::int64_t memory_limit = std::int64_t{4} << 30;  ///< Bytes that the cached pixels may take; 4 GiB.
};

template <class Visitor>
void describe(ImageStoreOptions& options, Visitor&& visit) {
  visit("channels", options.channels, "3 for RGB, 1 for grey", between(1, 3));
  visit("short_side", options.short_side, "short side to which larger images are shrunk when read; 0: as stored", non_negative);
  visit("cache", options.cache, "keep all decoded images in memory");
  visit("memory_limit", options.memory_limit, "bytes that the cached pixels may take", at_least(1));
}

/// Images of a data set by index, from their files or from memory. Safe to use from several threads.
///
/// With a `short_side`, a JPEG is decoded at a reduced size where that stays above it, then resized (bilinear).
/// It trades detail for memory and time: CUB at 256 takes 3 GB, and a crop of a quarter of the area then has 128 pixels to
/// fill 224. Omniglot at 28 takes 25 MB and loses nothing at that input size.
class ImageStore {
 public:
  /// Called with the number of images decoded so far and their total: from any thread, one call at a time.
  using Progress = std::function<void(std::int64_t done, std::int64_t total)>;

  /// Reads nothing unless `options.cache`; then decodes all images on LibTorch's threads.
  /// Throws: OptionError when the images take more than `memory_limit`, with an estimate of their need, as soon as it is certain;
  ///         IoError naming a file that cannot be decoded.
  explicit ImageStore(Dataset dataset, const ImageStoreOptions& options = {}, const Progress& progress = {});

  /// The image, never null. Throws: IoError naming the file; DataError for an index outside the data set.
  [[nodiscard]] std::shared_ptr<const Image> image(std::int64_t index) const;

  [[nodiscard]] const Dataset& dataset() const { return dataset_; }
  [[nodiscard]] const ImageStoreOptions& options() const { return options_; }
  [[nodiscard]] std::int64_t size() const { return dataset_.size(); }
  [[nodiscard]] std::int64_t cached_bytes() const;

 private:
  [[nodiscard]] Image read(std::int64_t index) const;
  void fill_cache(const Progress& progress);

  Dataset dataset_;
  ImageStoreOptions options_;
  std::vector<std::shared_ptr<const Image>> cached_;
};

}  // namespace diva
