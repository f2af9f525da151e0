#pragma once

#include <diva/core/options.hpp>
#include <diva/data/dataset.hpp>
#include <diva/data/image_source.hpp>
#include <diva/io/image.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace diva::inline v0_1 {

/// How an ImageStore reads. Whether it caches changes only its speed, never an image.
struct ImageStoreOptions {
  std::int64_t channels = 3;    ///< 3 (RGB) or 1 (grey).
  std::int64_t short_side = 0;  ///< Larger images are shrunk to this short side when they are read; 0 keeps them as stored.
  bool cache = false;           ///< Decode all images at once and keep them in memory.
  std::int64_t memory_limit = std::int64_t{4} << 30;  ///< Bytes that the cached pixels may take; 4 GiB.
  /// Folder where decoded images are kept for later epochs and runs; nothing is kept where it is empty.
  std::string disk_cache = {};
  std::int64_t disk_limit = std::int64_t{64} << 30;  ///< Bytes that the folder may take; further images are decoded anew.
  bool reduce = false;                               ///< As ImageSourceOptions::reduce, for what comes from neither cache.
};

template <class Visitor>
void describe(ImageStoreOptions& options, Visitor&& visit) {
  visit("channels", options.channels, "3 for RGB, 1 for grey", between(1, 3));
  visit("short_side", options.short_side, "short side to which larger images are shrunk when read; 0: as stored", non_negative);
  visit("cache", options.cache, "keep all decoded images in memory");
  visit("memory_limit", options.memory_limit, "bytes that the cached pixels may take", at_least(1));
  visit("disk_cache", options.disk_cache, "folder that keeps decoded images; empty: none");
  visit("disk_limit", options.disk_limit, "bytes that this folder may take", non_negative);
  visit("reduce", options.reduce, "decode large JPEGs at a fraction of their size where a view needs no more");
}

/// Images of a data set by index, from their files or from memory. Safe to use from several threads.
///
/// With a `short_side`, a JPEG is decoded at a reduced size where that stays above it, then resized (bilinear).
/// It trades detail for memory and time: CUB at 256 takes 3 GB, and a crop of a quarter of the area then has 128 pixels to
/// fill 224. Omniglot at 28 takes 25 MB and loses nothing at that input size.
///
/// The disk cache holds one file an image, named by a digest of its path, size, time of change and how it was read, with a checksum
/// over its pixels: what is damaged or of an older image is made anew, never used. Several processes may share a folder. Keeping
/// 256 pixels of CUB takes 3 GB and saves decoding, two thirds of the time of a view.
class ImageStore {
 public:
  /// Called with the number of images decoded so far and their total: from any thread, one call at a time.
  using Progress = std::function<void(std::int64_t done, std::int64_t total)>;

  /// Reads nothing unless `options.cache`; then decodes all images on LibTorch's threads.
  /// Throws: OptionError when the images take more than `memory_limit`, with an estimate of their need, as soon as it is certain;
  ///         IoError naming a file that cannot be decoded, or a cache folder that cannot be made.
  explicit ImageStore(Dataset dataset, const ImageStoreOptions& options = {}, const Progress& progress = {});

  /// The image as views use it: from a cache, or its file's bytes, of which each view decodes its part. With `whole`, decoded once,
  /// for several views of it. Throws: as `image`, and when a view is made.
  [[nodiscard]] ImageSource source(std::int64_t index, bool whole = false) const;

  /// The image, never null. Throws: IoError naming the file; DataError for an index outside the data set.
  [[nodiscard]] std::shared_ptr<const Image> image(std::int64_t index) const;

  [[nodiscard]] const Dataset& dataset() const { return dataset_; }
  [[nodiscard]] const ImageStoreOptions& options() const { return options_; }
  [[nodiscard]] std::int64_t size() const { return dataset_.size(); }
  [[nodiscard]] std::int64_t cached_bytes() const;

 private:
  class DiskCache;

  void check_index(std::int64_t index) const;
  [[nodiscard]] Image read(std::int64_t index) const;
  [[nodiscard]] Image decode(std::int64_t index) const;
  void fill_cache(const Progress& progress);

  Dataset dataset_;
  ImageStoreOptions options_;
  std::vector<std::shared_ptr<const Image>> cached_;
  std::shared_ptr<DiskCache> disk_;
};

}  // namespace diva::inline v0_1
