#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spng.h>
#include <turbojpeg.h>
#include <diva/core/error.hpp>
#include <diva/core/files.hpp>
#include <diva/io/image.hpp>

#include "decoding.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <optional>
#include <string_view>

namespace diva::inline v0_1 {
namespace {

using Bytes = detail::ImageBytes;
using detail::fail_decode;

constexpr std::array<std::uint8_t, 3> jpeg_magic{0xFF, 0xD8, 0xFF};
constexpr std::array<std::uint8_t, 8> png_magic{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
constexpr std::array<std::uint8_t, 8> png_end{'I', 'E', 'N', 'D', 0xAE, 0x42, 0x60, 0x82};
constexpr std::int64_t max_pixels = std::int64_t{1} << 28;
// DEFLATE repeats at most 258 bytes in two bits.
constexpr std::int64_t max_deflate_ratio = 1032;

bool starts_with(Bytes bytes, Bytes magic) {
  return bytes.size() >= magic.size() && std::equal(magic.begin(), magic.end(), bytes.begin());
}

// How an orientation of EXIF turns the stored image: first transposed, then mirrored.
struct Turn {
  bool transposed, flip_rows, flip_columns;  // the flips are of the stored image's rows and columns
};

Turn turn_of(int orientation) {
  return {orientation >= 5, orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7,
          orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8};
}

Image upright(Image image, int orientation) {
  if (orientation == 1) return image;
  const auto [transposed, flip_rows, flip_columns] = turn_of(orientation);
  Image result{image.height, image.width, image.channels, std::vector<std::uint8_t>(image.pixels.size())};
  if (transposed) std::swap(result.height, result.width);
  auto* target = result.pixels.data();
  for (std::int64_t y = 0; y < result.height; ++y) {
    for (std::int64_t x = 0; x < result.width; ++x) {
      auto row = transposed ? x : y, column = transposed ? y : x;
      if (flip_rows) row = image.height - 1 - row;
      if (flip_columns) column = image.width - 1 - column;
      target = std::copy_n(&image.pixels[(row * image.width + column) * image.channels], image.channels, target);
    }
  }
  return result;
}

std::vector<std::uint8_t> luminance(const std::vector<std::uint8_t>& rgb) {
  std::vector<std::uint8_t> gray(rgb.size() / 3);
  for (std::size_t i = 0; i < gray.size(); ++i) {
    // 0.299, 0.587 and 0.114 as 16-bit fractions that sum to one, rounded.
    gray[i] = static_cast<std::uint8_t>((19595u * rgb[3 * i] + 38470u * rgb[3 * i + 1] + 7471u * rgb[3 * i + 2] + 32768u) >> 16);
  }
  return gray;
}

Image with_channels(Image image, std::int64_t channels) {
  if (channels == 0 || channels == image.channels) return image;
  if (channels == 1) {
    image.pixels = luminance(image.pixels);
  } else {
    std::vector<std::uint8_t> rgb(3 * image.pixels.size());
    for (std::size_t i = 0; i < rgb.size(); ++i) rgb[i] = image.pixels[i / 3];
    image.pixels = std::move(rgb);
  }
  image.channels = channels;
  return image;
}

// The part of the stored image that becomes this box of the upright one; `height` and `width` are the stored image's.
Box stored_box(const Box& box, const Turn& turn, std::int64_t height, std::int64_t width) {
  Box stored = turn.transposed ? Box{box.left, box.top, box.width, box.height} : box;
  if (turn.flip_rows) stored.top = height - stored.top - stored.height;
  if (turn.flip_columns) stored.left = width - stored.left - stored.width;
  return stored;
}

Image decode_jpeg(Bytes bytes, const std::string& name, std::int64_t channels, std::int64_t min_short_side) {
  detail::JpegFile file(bytes, name);
  int best = 1;
  for (const int reduction : {2, 4, 8}) {
    const auto reduced = (std::min(file.width, file.height) + reduction - 1) / reduction;
    if (min_short_side > 0 && reduced >= min_short_side) best = reduction;
  }
  auto part = file.decode(channels == 1, {}, best, Edges::cut);
  return upright(with_channels(std::move(part.image), channels), file.orientation);
}

using Spng = std::unique_ptr<spng_ctx, decltype(&spng_ctx_free)>;

/// A decoder of PNG that has read the header.
struct PngReader {
  Spng decoder{spng_ctx_new(0), &spng_ctx_free};
  spng_ihdr header{};
  const std::string& name;

  PngReader(Bytes bytes, const std::string& file) : name(file) {
    if (!decoder) throw std::bad_alloc();
    check(spng_set_png_buffer(decoder.get(), bytes.data(), bytes.size()));
    // Texts and profiles are compressed too; they may not grow beyond what such things have.
    constexpr std::size_t max_extras = std::size_t{64} << 20;
    check(spng_set_chunk_limits(decoder.get(), std::max(bytes.size(), max_extras), max_extras));
    check(spng_get_ihdr(decoder.get(), &header));
    detail::check_image_size(name, header.height, header.width);
    constexpr std::array<std::int64_t, 7> samples{1, 0, 3, 1, 2, 0, 4};  // a pixel's, by colour type
    const auto raw_bytes = (header.width * samples.at(header.color_type) * header.bit_depth + 7) / 8 * header.height;
    if (raw_bytes / max_deflate_ratio > static_cast<std::int64_t>(bytes.size())) {
      fail_decode(name, "a whole PNG image", fmt::format("{} bytes for {} x {} pixels", bytes.size(), header.width, header.height));
    }
  }

  void check(int error) const {
    if (error != 0) fail_decode(name, "a whole PNG image", spng_strerror(error));
  }
  [[nodiscard]] bool gray() const {
    return header.color_type == SPNG_COLOR_TYPE_GRAYSCALE || header.color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA;
  }
  [[nodiscard]] int orientation() const {
    spng_exif exif{};
    if (spng_get_exif(decoder.get(), &exif) != 0) return 1;
    return detail::exif_orientation({reinterpret_cast<const std::uint8_t*>(exif.data), exif.length});
  }
};

Image decode_png(Bytes bytes, const std::string& name, std::int64_t channels) {
  const PngReader reader(bytes, name);
  const auto& header = reader.header;
  auto* const decoder = reader.decoder.get();
  // libspng makes plain gray only of gray without alpha of up to 8 bits; the others come as three equal channels.
  const bool plain = header.color_type == SPNG_COLOR_TYPE_GRAYSCALE && header.bit_depth <= 8;
  const auto format = plain ? SPNG_FMT_G8 : SPNG_FMT_RGB8;
  std::size_t size = 0;
  reader.check(spng_decoded_image_size(decoder, format, &size));
  Image image{header.height, header.width, plain ? 1 : 3, std::vector<std::uint8_t>(size)};
  reader.check(spng_decode_image(decoder, image.pixels.data(), size, format, 0));
  reader.check(spng_decode_chunks(decoder));
  // libspng does not look at the end chunk's checksum, which is the last thing that a cut file lacks.
  if (std::find_end(bytes.begin(), bytes.end(), png_end.begin(), png_end.end()) == bytes.end()) reader.check(SPNG_IO_EOF);
  return upright(with_channels(std::move(image), channels == 0 && reader.gray() ? 1 : channels), reader.orientation());
}

enum class Format { jpeg, png };

Format format_of(Bytes bytes, const std::string& name) {
  if (starts_with(bytes, jpeg_magic)) return Format::jpeg;
  if (starts_with(bytes, png_magic)) return Format::png;
  if (bytes.empty()) fail_decode(name, "a JPEG or PNG image", "an empty file");
  fail_decode(name, "a JPEG or PNG image",
              fmt::format("a file that starts with {:02x}", fmt::join(bytes.first(std::min<std::size_t>(bytes.size(), 8)), " ")));
}

void check_channels(std::string_view function, std::int64_t channels) {
  if (channels != 0 && channels != 1 && channels != 3) {
    detail::fail<OptionError>(function, "channels", "0, 1 or 3", std::to_string(channels));
  }
}

/// `min_short_side` 0 stands for the full size.
Image decode(Bytes bytes, const std::string& name, std::int64_t channels, std::int64_t min_short_side) {
  check_channels("decode_image", channels);
  if (format_of(bytes, name) == Format::jpeg) return decode_jpeg(bytes, name, channels, min_short_side);
  return decode_png(bytes, name, channels);
}

void check_box(const Box& box, std::int64_t height, std::int64_t width) {
  if (box.top < 0 || box.left < 0 || box.height < 1 || box.width < 1 || box.top > height - box.height ||
      box.left > width - box.width) {
    detail::fail<OptionError>("decode_image_part", "box", fmt::format("inside an image of {} x {}", height, width),
                              fmt::format("{} x {} at row {}, column {}", box.height, box.width, box.top, box.left));
  }
}

Image cut(const Image& image, const Box& box) {
  Image result{box.height, box.width, image.channels, {}};
  result.pixels.reserve(static_cast<std::size_t>(box.height * box.width * image.channels));
  for (std::int64_t y = 0; y < box.height; ++y) {
    const auto* row = image.pixels.data() + ((box.top + y) * image.width + box.left) * image.channels;
    result.pixels.insert(result.pixels.end(), row, row + box.width * image.channels);
  }
  return result;
}

void check_encodable(std::string_view function, const Image& image) {
  const auto& [height, width, channels, pixels] = image;
  constexpr std::int64_t max_side = 65500;  // JPEG's, as libjpeg has it
  if (height < 1 || width < 1 || height > max_side || width > max_side || (channels != 1 && channels != 3) ||
      static_cast<std::int64_t>(pixels.size()) != height * width * channels) {
    detail::fail<ShapeError>(function, "image", fmt::format("[height, width, 1 or 3] pixels with sides of 1 to {}", max_side),
                             fmt::format("{} pixels for [{}, {}, {}]", pixels.size(), height, width, channels));
  }
}

using TurboJpeg = std::unique_ptr<void, decltype(&tjDestroy)>;

}  // namespace

void detail::fail_decode(const std::string& name, std::string_view expected, std::string_view got) {
  fail<IoError>("decode_image", fmt::format("'{}'", name), expected, got);
}

void detail::check_image_size(const std::string& name, std::int64_t height, std::int64_t width) {
  if (height < 1 || width < 1 || width > max_pixels / height) {
    fail_decode(name, fmt::format("an image of 1 to {} pixels", max_pixels), fmt::format("{} x {}", width, height));
  }
}

int detail::exif_orientation(Bytes tiff) {
  if (tiff.size() < 8 || (tiff[0] != 'I' && tiff[0] != 'M')) return 1;
  const bool little = tiff[0] == 'I';
  const auto number = [&](std::size_t at, std::size_t count) -> std::optional<std::size_t> {
    if (at > tiff.size() || count > tiff.size() - at) return std::nullopt;
    std::size_t value = 0;
    for (std::size_t i = 0; i < count; ++i) value = value << 8 | tiff[at + (little ? count - 1 - i : i)];
    return value;
  };
  const auto directory = number(4, 4).value_or(tiff.size());
  const auto entries = number(directory, 2).value_or(0);
  for (std::size_t i = 0; i < entries; ++i) {
    const auto entry = directory + 2 + 12 * i;
    const auto tag = number(entry, 2), type = number(entry + 2, 2), count = number(entry + 4, 4), value = number(entry + 8, 2);
    if (!value) return 1;
    if (*tag == 0x0112) return *type == 3 && *count == 1 && *value >= 1 && *value <= 8 ? static_cast<int>(*value) : 1;
  }
  return 1;
}

Image decode_image(Bytes bytes, const std::string& name, std::int64_t channels) { return decode(bytes, name, channels, 0); }

Image decode_image_at_least(Bytes bytes, const std::string& name, std::int64_t channels, std::int64_t min_short_side) {
  if (min_short_side < 1)
    detail::fail<OptionError>("decode_image_at_least", "min_short_side", "at least 1", std::to_string(min_short_side));
  return decode(bytes, name, channels, min_short_side);
}

ImageHeader read_image_header(Bytes bytes, const std::string& name) {
  if (format_of(bytes, name) == Format::jpeg) {
    const detail::JpegFile file(bytes, name);
    const bool transposed = turn_of(file.orientation).transposed;
    return {transposed ? file.width : file.height, transposed ? file.height : file.width, file.gray ? 1 : 3};
  }
  const PngReader reader(bytes, name);
  const std::int64_t height = reader.header.height, width = reader.header.width;
  const bool transposed = turn_of(reader.orientation()).transposed;
  return {transposed ? width : height, transposed ? height : width, reader.gray() ? 1 : 3};
}

ImagePart decode_image_part(Bytes bytes, const std::string& name, std::int64_t channels, const Box& box, std::int64_t reduction,
                            Edges edges) {
  check_channels("decode_image_part", channels);
  if (reduction != 1 && reduction != 2 && reduction != 4 && reduction != 8) {
    detail::fail<OptionError>("decode_image_part", "reduction", "1, 2, 4 or 8", std::to_string(reduction));
  }
  if (format_of(bytes, name) == Format::png) {
    const auto image = decode_png(bytes, name, channels);
    check_box(box, image.height, image.width);
    return {cut(image, box), box.top, box.left, 1};
  }
  detail::JpegFile file(bytes, name);
  const auto turn = turn_of(file.orientation);
  turn.transposed ? check_box(box, file.width, file.height) : check_box(box, file.height, file.width);
  auto part = file.decode(channels == 1, stored_box(box, turn, file.height, file.width), static_cast<int>(reduction), edges);
  // Where its pixels lie, seen from the other side of a mirrored axis.
  if (turn.flip_rows) part.top = file.height - part.top - part.image.height * reduction;
  if (turn.flip_columns) part.left = file.width - part.left - part.image.width * reduction;
  if (turn.transposed) std::swap(part.top, part.left);
  part.image = upright(with_channels(std::move(part.image), channels), file.orientation);
  return part;
}

Image read_image(const std::string& path, std::int64_t channels) { return decode_image(read_file(path), path, channels); }

std::vector<std::uint8_t> encode_png(const Image& image) {
  check_encodable("encode_png", image);
  const Spng encoder(spng_ctx_new(SPNG_CTX_ENCODER), &spng_ctx_free);
  if (!encoder) throw std::bad_alloc();
  const auto check = [](int error) {
    if (error != 0) detail::fail<Error>("encode_png", "image", "encodable", spng_strerror(error));
  };
  spng_ihdr header{
      .width = static_cast<std::uint32_t>(image.width),
      .height = static_cast<std::uint32_t>(image.height),
      .bit_depth = 8,
      .color_type = static_cast<std::uint8_t>(image.channels == 1 ? SPNG_COLOR_TYPE_GRAYSCALE : SPNG_COLOR_TYPE_TRUECOLOR),
      .compression_method = 0,
      .filter_method = 0,
      .interlace_method = SPNG_INTERLACE_NONE};
  check(spng_set_option(encoder.get(), SPNG_ENCODE_TO_BUFFER, 1));
  check(spng_set_ihdr(encoder.get(), &header));
  check(spng_encode_image(encoder.get(), image.pixels.data(), image.pixels.size(), SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE));
  std::size_t size = 0;
  int error = 0;
  const std::unique_ptr<void, decltype(&std::free)> buffer(spng_get_png_buffer(encoder.get(), &size, &error), &std::free);
  check(error);
  const auto* bytes = static_cast<const std::uint8_t*>(buffer.get());
  return {bytes, bytes + size};
}

std::vector<std::uint8_t> encode_jpeg(const Image& image, int quality) {
  check_encodable("encode_jpeg", image);
  if (quality < 1 || quality > 100) detail::fail<OptionError>("encode_jpeg", "quality", "in [1, 100]", std::to_string(quality));
  const TurboJpeg encoder(tjInitCompress(), &tjDestroy);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  const bool gray = image.channels == 1;
  const bool failed =
      !encoder || tjCompress2(encoder.get(), image.pixels.data(), static_cast<int>(image.width), 0, static_cast<int>(image.height),
                              gray ? TJPF_GRAY : TJPF_RGB, &buffer, &size, gray ? TJSAMP_GRAY : TJSAMP_420, quality, 0) != 0;
  const std::unique_ptr<unsigned char, decltype(&tjFree)> owner(buffer, &tjFree);
  if (failed) detail::fail<Error>("encode_jpeg", "image", "encodable", tjGetErrorStr2(encoder.get()));
  return {buffer, buffer + size};
}

}  // namespace diva::inline v0_1
