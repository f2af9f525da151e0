#pragma once

#include <diva/data/image_cache.hpp>
#include <diva/io/image.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

namespace diva::inline v0_1 {
namespace detail {

/// The name of a cached image: a digest of the file's path, size and time of change, and of how it is read.
std::string disk_cache_key(const std::string& path, const std::string& how);

}  // namespace detail

/// Decoded images in a folder, one file each, bounded in bytes.
class ImageStore::DiskCache {
 public:
  /// Makes the folder and counts what it holds already. IoError when it cannot.
  DiskCache(std::string folder, std::int64_t limit);

  /// The image of that name; nothing when there is none, or what is there is damaged.
  [[nodiscard]] std::optional<Image> find(const std::string& key) const;

  /// Keeps the image unless the folder would outgrow its limit. A folder that cannot be written is no error: it is a cache.
  void keep(const std::string& key, const Image& image);

 private:
  std::string folder_;
  std::int64_t limit_;
  std::atomic<std::int64_t> bytes_ = 0;
};

}  // namespace diva::inline v0_1
