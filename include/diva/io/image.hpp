#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace diva::inline v0_1 {

/// Eight-bit pixels, row-major and interleaved: [height, width, channels] with one channel (gray) or three (RGB).
struct Image {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 0;
  std::vector<std::uint8_t> pixels;

  bool operator==(const Image&) const = default;
};

/// Rows [top, top + height) and columns [left, left + width) of an image. A box without area stands for the whole image.
struct Box {
  std::int64_t top = 0, left = 0, height = 0, width = 0;
  bool operator==(const Box&) const = default;
};

/// Decodes a JPEG or PNG, told apart by their first bytes, and turns it upright as its EXIF orientation says.
///
/// `name`:     stands for the file in messages.
/// `channels`: 3 (gray is repeated), 1 (colour becomes luminance 0.299 R + 0.587 G + 0.114 B), or 0 for what the file holds.
///
/// JPEG: baseline, progressive and arithmetic; gray, YCbCr, RGB, CMYK and YCCK, the inks inverted as Adobe stores them.
/// PNG: all colour types and depths; 16 bits keep the upper eight, alpha and transparent colours are dropped, not composited.
/// Colour profiles and gamma are not applied.
///
/// Edge:    a damaged file is an error, never a half-gray image. JPEG warnings count as errors, save for stray bytes between the
///          last pixel and the end marker, which some cameras write. JPEG data has no checksum: changed bytes that still decode go
///          unnoticed. Malformed EXIF data counts as none.
///          Refused before memory is taken: more than 2^28 pixels, and sizes that so few bytes cannot hold (decompression bombs).
/// Cost:    JPEG about 4 ns a pixel, so 0.5 ms for 348 × 348. Safe to call from many threads.
/// Throws:  IoError with the name; OptionError when `channels` is not 0, 1 or 3.
Image decode_image(std::span<const std::uint8_t> bytes, const std::string& name, std::int64_t channels = 3);

/// Decodes a JPEG at the smallest of the scales 1/8, 1/4, 1/2 and 1 whose short side is at least `min_short_side`: training shrinks
/// large photographs anyway, and what is not needed is never computed. A PNG, or an image smaller than asked, keeps its size.
/// The scales between, 3/8 to 7/8, would take longer than the next larger one, for which the JPEG library has vector code.
///
/// Cost:    2000 × 1500 to 500 × 375 takes 6 ms instead of 13; what remains is the Huffman decoding.
/// Throws:  as decode_image; OptionError when `min_short_side` < 1.
Image decode_image_at_least(std::span<const std::uint8_t> bytes, const std::string& name, std::int64_t channels,
                            std::int64_t min_short_side);

/// What the header of a JPEG or PNG says: the size, upright as EXIF says, and 1 channel (gray) or 3.
struct ImageHeader {
  std::int64_t height = 0, width = 0, channels = 0;
  bool operator==(const ImageHeader&) const = default;
};

/// Reads the header alone; the pixels may still turn out to be damaged, and EXIF that a PNG has behind its pixels is not seen.
/// Cost:    10 µs.
/// Throws:  as decode_image.
ImageHeader read_image_header(std::span<const std::uint8_t> bytes, const std::string& name);

/// A part of an image, perhaps at a reduced size: pixel (y, x) of `image` covers rows [top + y·reduction, top + (y + 1)·reduction)
/// of the whole, and columns likewise.
struct ImagePart {
  Image image;
  std::int64_t top = 0, left = 0;
  std::int64_t reduction = 1;
};

/// What becomes of the pixels beside a part, which are decoded with it since blocks are.
enum class Edges {
  cut,   ///< They are cut off, which costs a copy: a seventh of decoding the part.
  kept,  ///< They stay where that is faster, with any values; `ImagePart::top` and `left` say where the image begins.
};

/// Decodes a part of an image, upright: what a random crop needs. Rows above and below a JPEG's part, and columns beside it, are
/// only parsed or not even that.
///
/// `box`:       in pixels of the upright image at full size.
/// `reduction`: 1, 2, 4 or 8: a JPEG is decoded at that fraction of its size, in which its transform leaves the high frequencies
/// out.
///              A PNG is decoded at full size; the result says which.
///
/// With `reduction` 1 the box equals the crop of the whole image, bit by bit. With a larger one it covers the box, and differs
/// from the box's means by about two grey levels on average on photographs, at single pixels of hard edges by up to about 50; where
/// the whole image is turned or mirrored and its size is no multiple of the reduction, `top` and `left` may lie up to reduction − 1
/// pixels outside it.
///
/// Edge:    damage below the part goes unnoticed.
/// Cost:    for a JPEG of 348 × 348 whose middle half is wanted about half of decoding it all.
/// Throws:  as decode_image; OptionError for a box that leaves the image, or another reduction.
ImagePart decode_image_part(std::span<const std::uint8_t> bytes, const std::string& name, std::int64_t channels, const Box& box,
                            std::int64_t reduction = 1, Edges edges = Edges::cut);

/// read_file and decode_image.
Image read_image(const std::string& path, std::int64_t channels = 3);

/// Throws:  ShapeError when the image is empty, has other than one or three channels, or a wrong number of pixels.
std::vector<std::uint8_t> encode_png(const Image& image);

/// Baseline JPEG, colour at half resolution. `quality` from 1 to 100, OptionError outside.
std::vector<std::uint8_t> encode_jpeg(const Image& image, int quality = 90);

}  // namespace diva::inline v0_1
