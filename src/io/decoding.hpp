#pragma once

#include <diva/io/image.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

/// What the decoders of the image formats share.
namespace diva::detail {

using ImageBytes = std::span<const std::uint8_t>;

[[noreturn]] void fail_decode(const std::string& name, std::string_view expected, std::string_view got);

/// Refuses an empty image, and one of more than 2^28 pixels.
void check_image_size(const std::string& name, std::int64_t height, std::int64_t width);

/// What a TIFF block, the body of EXIF data, says about orientation; 1, upright, when it says nothing.
int exif_orientation(ImageBytes tiff);

/// The header of a JPEG; sizes are those of the stored image, before it is turned.
struct JpegHeader {
  std::int64_t height = 0, width = 0;
  bool gray = false;
  int orientation = 1;
};

JpegHeader read_jpeg_header(ImageBytes bytes, const std::string& name);

/// Decodes the part `box` (all where it is empty; in pixels of the stored image at full size) at 1 / `reduction` of its size. The
/// image has three channels, or one where the file is gray or `gray` asks for luminance. Nothing is turned.
ImagePart decode_jpeg(ImageBytes bytes, const std::string& name, bool gray, const Box& box, int reduction);

}  // namespace diva::detail
