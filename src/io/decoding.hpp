#pragma once

#include <diva/io/image.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

/// What the decoders of the image formats share.
namespace diva::inline v0_1::detail {

using ImageBytes = std::span<const std::uint8_t>;

[[noreturn]] void fail_decode(const std::string& name, std::string_view expected, std::string_view got);

/// Refuses an empty image, and one of more than 2^28 pixels.
void check_image_size(const std::string& name, std::int64_t height, std::int64_t width);

/// What a TIFF block, the body of EXIF data, says about orientation; 1, upright, when it says nothing.
int exif_orientation(ImageBytes tiff);

/// A JPEG whose header is read. Sizes and boxes are those of the stored image, before it is turned.
class JpegFile {
 public:
  JpegFile(ImageBytes bytes, const std::string& name);
  ~JpegFile();
  JpegFile(const JpegFile&) = delete;
  JpegFile& operator=(const JpegFile&) = delete;

  std::int64_t height = 0, width = 0;
  bool gray = false;
  int orientation = 1;

  /// Decodes the part `box` (all where it is empty; in pixels at full size) at 1 / `reduction` of its size, once. The image has
  /// three channels, or one where the file is gray or `as_gray` asks for luminance. Nothing is turned.
  ImagePart decode(bool as_gray, const Box& box, int reduction, Edges edges);

 private:
  class Decoder;
  std::unique_ptr<Decoder> decoder_;
};

}  // namespace diva::inline v0_1::detail
