#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/core/files.hpp>
#include <diva/data/image_cache.hpp>
#include <diva/data/image_transforms.hpp>

#include "disk_cache.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <numeric>

namespace diva::inline v0_1 {
namespace {

// Visits 0 … count-1 each once, evenly spread, so that what was seen so far stands for all.
std::int64_t stride_for(std::int64_t count) {
  auto stride = std::max<std::int64_t>(1, static_cast<std::int64_t>(0.618 * static_cast<double>(count)));
  while (std::gcd(stride, count) != 1) ++stride;
  return stride;
}

std::string mebibytes(double bytes) { return fmt::format("{:.1f} MiB", bytes / (1 << 20)); }

}  // namespace

ImageStore::ImageStore(Dataset dataset, const ImageStoreOptions& options, const Progress& progress)
    : dataset_(std::move(dataset)), options_(options) {
  validate_fields("ImageStore", options_);
  if (options_.channels == 2) detail::fail<OptionError>("ImageStore", "channels", "1 or 3", "2");
  if (!options_.disk_cache.empty()) disk_ = std::make_shared<DiskCache>(options_.disk_cache, options_.disk_limit);
  if (options_.cache) fill_cache(progress);
}

void ImageStore::check_index(std::int64_t index) const {
  if (index >= 0 && index < size()) return;
  detail::fail<DataError>("ImageStore::image", "index", fmt::format("in [0, {})", size()), std::to_string(index));
}

Image ImageStore::read(std::int64_t index) const {
  if (!disk_) return decode(index);
  const auto& sample = dataset_.samples[static_cast<std::size_t>(index)];
  const auto key =
      detail::disk_cache_key(sample.path, fmt::format("{} {} {} {} {} {}", options_.channels, options_.short_side, sample.box.top,
                                                      sample.box.left, sample.box.height, sample.box.width));
  if (auto kept = disk_->find(key)) return std::move(*kept);
  auto image = decode(index);
  disk_->keep(key, image);
  return image;
}

Image ImageStore::decode(std::int64_t index) const {
  const auto& sample = dataset_.samples[static_cast<std::size_t>(index)];
  const auto& path = sample.path;
  Image image;
  if (sample.box.height > 0) {
    const auto bytes = read_file(path);
    auto part = decode_image_part(bytes, path, options_.channels, sample.box);
    image = std::move(part.image);
  } else if (options_.short_side == 0) {
    image = read_image(path, options_.channels);
  } else {
    image = decode_image_at_least(read_file(path), path, options_.channels, options_.short_side);
  }
  if (options_.short_side == 0 || std::min(image.height, image.width) <= options_.short_side) return image;
  const auto [height, width] = short_side_size(image, options_.short_side);
  return resize(image, {.height = height, .width = width});
}

void ImageStore::fill_cache(const Progress& progress) {
  constexpr std::int64_t enough_for_an_estimate = 64;
  const auto total = size();
  const auto stride = stride_for(total);
  std::vector<std::shared_ptr<const Image>> images(static_cast<std::size_t>(total));
  std::atomic<std::int64_t> next = 0;
  std::atomic<bool> failed = false;
  std::mutex mutex;
  std::int64_t done = 0, bytes = 0;

  const auto read_next = [&](std::int64_t place) {
    const auto index = place * stride % total;
    auto image = std::make_shared<const Image>(read(index));
    const std::scoped_lock lock(mutex);
    ++done;
    bytes += static_cast<std::int64_t>(image->pixels.size());
    images[static_cast<std::size_t>(index)] = std::move(image);
    const double needed = static_cast<double>(bytes) / static_cast<double>(done) * static_cast<double>(total);
    const bool surely_too_much = done >= enough_for_an_estimate && needed > 1.5 * static_cast<double>(options_.memory_limit);
    if (bytes > options_.memory_limit || surely_too_much) {
      detail::fail<OptionError>(
          "ImageStore", "memory_limit",
          fmt::format("enough for {} images of '{}', about {}", total, dataset_.name, mebibytes(needed)),
          fmt::format("{} bytes, {}", options_.memory_limit, mebibytes(static_cast<double>(options_.memory_limit))));
    }
    if (progress) progress(done, total);
  };
  // Every thread takes the next image that is left: sizes differ too much for equal shares.
  at::parallel_for(0, at::get_num_threads(), 1, [&](std::int64_t, std::int64_t) {
    try {
      for (std::int64_t place = next++; place < total && !failed; place = next++) read_next(place);
    } catch (...) {
      failed = true;
      throw;
    }
  });
  cached_ = std::move(images);
}

ImageSource ImageStore::source(std::int64_t index, bool whole) const {
  check_index(index);
  if (whole || disk_ || !cached_.empty() || options_.short_side > 0) return ImageSource(image(index));
  const auto& sample = dataset_.samples[static_cast<std::size_t>(index)];
  return {read_file(sample.path), sample.path, {.channels = options_.channels, .box = sample.box, .reduce = options_.reduce}};
}

std::shared_ptr<const Image> ImageStore::image(std::int64_t index) const {
  check_index(index);
  if (!cached_.empty()) return cached_[static_cast<std::size_t>(index)];
  return std::make_shared<const Image>(read(index));
}

std::int64_t ImageStore::cached_bytes() const {
  std::int64_t bytes = 0;
  for (const auto& image : cached_) bytes += static_cast<std::int64_t>(image->pixels.size());
  return bytes;
}

}  // namespace diva::inline v0_1
