#pragma once

#include "support/temporary_folder.hpp"

#include <diva/io/image.hpp>

#include <cstdint>
#include <fstream>

/// A temporary folder of images.
class ImageFolder : public TemporaryFolder {
 public:
  void make_folder(const std::string& name) const { std::filesystem::create_directories(path(name)); }

  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    std::ofstream(path(name), std::ios::binary) << text;  // not synced: tests write hundreds of files
  }

  /// A PNG of height 8 + (seed mod 5) and width 10 + (seed mod 7) with pixels that depend on `seed`.
  void write_image(const std::string& name, std::int64_t seed = 0, std::int64_t channels = 3) const {
    diva::Image image{8 + seed % 5, 10 + seed % 7, channels, {}};
    for (std::int64_t i = 0; i < image.height * image.width * channels; ++i) {
      image.pixels.push_back(static_cast<std::uint8_t>((seed * 7919 + i * i * 31 + i * 17) >> 2));
    }
    const auto bytes = diva::encode_png(image);
    write(name, {bytes.begin(), bytes.end()});
  }
};
