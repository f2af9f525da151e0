#include <fmt/format.h>
#include <unistd.h>
#include <diva/core/error.hpp>

#include "disk_cache.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <span>
#include <thread>

namespace diva::inline v0_1 {
namespace {

namespace fs = std::filesystem;

// Eight bytes a step: multiply and fold.
std::uint64_t digest(std::span<const std::uint8_t> bytes, std::uint64_t seed) {
  constexpr std::uint64_t factor = 0x9E3779B97F4A7C15;
  std::uint64_t state = seed ^ (bytes.size() * factor);
  const auto mix = [&](std::uint64_t word) {
    state = (state ^ word) * factor;
    state ^= state >> 29;
  };
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, 8);
    mix(word);
  }
  std::uint64_t last = 0;
  if (at < bytes.size()) std::memcpy(&last, bytes.data() + at, bytes.size() - at);
  mix(last);
  mix(factor);
  return state;
}

std::uint64_t digest(const std::string& text, std::uint64_t seed) {
  return digest({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, seed);
}

// What stands before the pixels.
struct Header {
  std::array<char, 8> magic;
  std::int64_t height, width, channels;
  std::uint64_t checksum;
};

constexpr std::array<char, 8> magic{'d', 'i', 'v', 'a', 'i', 'm', 'g', '1'};

std::uint64_t checksum_of(const Image& image) {
  const auto sizes = static_cast<std::uint64_t>(image.height * 31 + image.width * 7 + image.channels);
  return digest(image.pixels, sizes);
}

}  // namespace

std::string detail::disk_cache_key(const std::string& path, const std::string& how) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  const auto time = fs::last_write_time(path, error).time_since_epoch().count();
  const auto text = fmt::format("{}\n{}\n{}\n{}", fs::absolute(path).string(), error ? 0 : size, error ? 0 : time, how);
  return fmt::format("{:016x}{:016x}", digest(text, 1), digest(text, 2));
}

ImageStore::DiskCache::DiskCache(std::string folder, std::int64_t limit) : folder_(std::move(folder)), limit_(limit) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error || !fs::is_directory(folder_)) {
    detail::fail<IoError>("ImageStore", fmt::format("'{}'", folder_), "a folder that can be made and read", error.message());
  }
  for (const auto& entry : fs::recursive_directory_iterator(folder_, fs::directory_options::skip_permission_denied, error)) {
    std::error_code gone;
    if (entry.is_regular_file(gone)) bytes_ += static_cast<std::int64_t>(entry.file_size(gone));
  }
}

std::optional<Image> ImageStore::DiskCache::find(const std::string& key) const {
  std::ifstream file(fmt::format("{}/{}/{}", folder_, key.substr(0, 2), key.substr(2)), std::ios::binary | std::ios::ate);
  if (!file) return std::nullopt;
  const auto size = static_cast<std::int64_t>(file.tellg());
  file.seekg(0);
  Header header{};
  if (!file.read(reinterpret_cast<char*>(&header), sizeof header) || header.magic != magic) return std::nullopt;
  constexpr std::int64_t max_side = std::int64_t{1} << 28;
  const auto bounded = [&](std::int64_t side) { return side >= 1 && side <= max_side; };
  if (!bounded(header.height) || !bounded(header.width) || (header.channels != 1 && header.channels != 3)) return std::nullopt;
  const auto bytes = size - static_cast<std::int64_t>(sizeof header);
  if (header.height > bytes || header.width > bytes || header.height * header.width * header.channels != bytes) return std::nullopt;
  Image image{header.height, header.width, header.channels, std::vector<std::uint8_t>(static_cast<std::size_t>(bytes))};
  if (!file.read(reinterpret_cast<char*>(image.pixels.data()), bytes) || checksum_of(image) != header.checksum) return std::nullopt;
  return image;
}

void ImageStore::DiskCache::keep(const std::string& key, const Image& image) {
  const auto size = static_cast<std::int64_t>(sizeof(Header) + image.pixels.size());
  if (bytes_.fetch_add(size) + size > limit_) {
    bytes_ -= size;
    return;
  }
  const auto place = fmt::format("{}/{}", folder_, key.substr(0, 2));
  // Renamed when it is complete, but not synced as files of value are: after a power cut the checksum tells.
  const auto thread = std::hash<std::thread::id>()(std::this_thread::get_id());
  const auto temporary = fmt::format("{}/.{}.{}.{}.tmp", place, key.substr(2), ::getpid(), thread);
  std::error_code error;
  fs::create_directories(place, error);
  {
    std::ofstream file(temporary, std::ios::binary);
    const Header header{magic, image.height, image.width, image.channels, checksum_of(image)};
    file.write(reinterpret_cast<const char*>(&header), sizeof header);
    file.write(reinterpret_cast<const char*>(image.pixels.data()), static_cast<std::streamsize>(image.pixels.size()));
    file.close();
    if (file) fs::rename(temporary, fmt::format("{}/{}", place, key.substr(2)), error);
    if (file && !error) return;
  }
  fs::remove(temporary, error);
  bytes_ -= size;
}

}  // namespace diva::inline v0_1
