#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spng.h>
#include <turbojpeg.h>
#include <diva/core/error.hpp>
#include <diva/core/files.hpp>
#include <diva/io/image.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string_view>

namespace diva {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::array<std::uint8_t, 3> jpeg_magic{0xFF, 0xD8, 0xFF};
constexpr std::array<std::uint8_t, 8> png_magic{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
constexpr std::array<std::uint8_t, 8> png_end{'I', 'E', 'N', 'D', 0xAE, 0x42, 0x60, 0x82};
constexpr std::int64_t max_pixels = std::int64_t{1} << 28;
// A baseline or progressive JPEG spends at least one bit on each block of 64 pixels; arithmetic coding gets below only on blank
// images.
constexpr std::int64_t max_jpeg_pixels_per_byte = 1024;
// DEFLATE repeats at most 258 bytes in two bits.
constexpr std::int64_t max_deflate_ratio = 1032;

bool starts_with(Bytes bytes, Bytes magic) {
  return bytes.size() >= magic.size() && std::equal(magic.begin(), magic.end(), bytes.begin());
}

[[noreturn]] void fail_decode(const std::string& name, std::string_view expected, std::string_view got) {
  detail::fail<IoError>("decode_image", fmt::format("'{}'", name), expected, got);
}

void check_size(const std::string& name, std::int64_t height, std::int64_t width) {
  if (height < 1 || width < 1 || width > max_pixels / height) {
    fail_decode(name, fmt::format("an image of 1 to {} pixels", max_pixels), fmt::format("{} x {}", width, height));
  }
}

/// What a TIFF block, the body of EXIF data, says about orientation; 1, upright, when it says nothing.
int exif_orientation(Bytes tiff) {
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

/// The same for a whole JPEG: the first APP1 segment with EXIF data before the pixels.
int jpeg_orientation(Bytes bytes) {
  constexpr std::array<std::uint8_t, 6> exif{'E', 'x', 'i', 'f', 0, 0};
  constexpr std::uint8_t app1 = 0xE1, start_of_scan = 0xDA, fill = 0xFF;
  std::size_t at = 2;
  while (at + 4 <= bytes.size() && bytes[at] == 0xFF && bytes[at + 1] != start_of_scan) {
    if (bytes[at + 1] == fill) {
      ++at;
      continue;
    }
    const auto length = static_cast<std::size_t>(bytes[at + 2] << 8 | bytes[at + 3]);
    if (length < 2 || at + 2 + length > bytes.size()) break;
    const auto body = bytes.subspan(at + 4, length - 2);
    if (bytes[at + 1] == app1 && starts_with(body, exif)) return exif_orientation(body.subspan(exif.size()));
    at += 2 + length;
  }
  return 1;
}

Image upright(Image image, int orientation) {
  if (orientation == 1) return image;
  const bool transposed = orientation >= 5;
  const bool flip_rows = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool flip_columns = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
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

using TurboJpeg = std::unique_ptr<void, decltype(&tjDestroy)>;

/// Stray bytes in front of the end marker come after the last pixel; every other warning means pixels that were made up.
bool is_harmless(std::string_view warning) { return warning.find("extraneous bytes before marker 0xd9") != std::string_view::npos; }

std::vector<std::uint8_t> rgb_from_inverted_cmyk(const std::vector<std::uint8_t>& cmyk) {
  std::vector<std::uint8_t> rgb(cmyk.size() / 4 * 3);
  for (std::size_t i = 0; i < rgb.size(); ++i) {
    const auto pixel = i / 3 * 4;
    rgb[i] = static_cast<std::uint8_t>((cmyk[pixel + i % 3] * cmyk[pixel + 3] + 127) / 255);
  }
  return rgb;
}

Image decode_jpeg(Bytes bytes, const std::string& name, std::int64_t channels, std::int64_t min_short_side) {
  const TurboJpeg decoder(tjInitDecompress(), &tjDestroy);
  if (!decoder) fail_decode(name, "decodable", tjGetErrorStr2(nullptr));
  const auto fail = [&] { fail_decode(name, "a whole JPEG image", tjGetErrorStr2(decoder.get())); };
  int width = 0, height = 0, subsampling = 0, colorspace = -1;
  // Sizes are set whenever the header could be read, also where TurboJPEG reports a subsampling that it has no name for.
  tjDecompressHeader3(decoder.get(), bytes.data(), bytes.size(), &width, &height, &subsampling, &colorspace);
  if (width < 1 || height < 1 || colorspace < 0) fail();
  check_size(name, height, width);
  if (std::int64_t{width} * height / max_jpeg_pixels_per_byte > static_cast<std::int64_t>(bytes.size())) {
    fail_decode(name, "a whole JPEG image", fmt::format("{} bytes for {} x {} pixels", bytes.size(), width, height));
  }

  if (min_short_side > 0) {
    auto best = tjscalingfactor{1, 1};
    for (const int denominator : {2, 4, 8}) {
      const tjscalingfactor scale{1, denominator};
      if (TJSCALED(std::min(width, height), scale) >= min_short_side) best = scale;
    }
    width = TJSCALED(width, best);
    height = TJSCALED(height, best);
  }

  const bool inks = colorspace == TJCS_CMYK || colorspace == TJCS_YCCK;
  const bool gray = !inks && (channels == 1 || (channels == 0 && colorspace == TJCS_GRAY));
  const auto format = inks ? TJPF_CMYK : gray ? TJPF_GRAY : TJPF_RGB;
  Image image{height, width, gray ? 1 : 3, std::vector<std::uint8_t>(std::size_t{1} * height * width * tjPixelSize[format])};
  if (tjDecompress2(decoder.get(), bytes.data(), bytes.size(), image.pixels.data(), width, 0, height, format, TJFLAG_LIMITSCANS) !=
      0) {
    if (tjGetErrorCode(decoder.get()) != TJERR_WARNING || !is_harmless(tjGetErrorStr2(decoder.get()))) fail();
  }
  if (inks) image.pixels = rgb_from_inverted_cmyk(image.pixels);
  return upright(with_channels(std::move(image), channels), jpeg_orientation(bytes));
}

using Spng = std::unique_ptr<spng_ctx, decltype(&spng_ctx_free)>;

Image decode_png(Bytes bytes, const std::string& name, std::int64_t channels) {
  const Spng decoder(spng_ctx_new(0), &spng_ctx_free);
  if (!decoder) throw std::bad_alloc();
  const auto check = [&](int error) {
    if (error != 0) fail_decode(name, "a whole PNG image", spng_strerror(error));
  };
  check(spng_set_png_buffer(decoder.get(), bytes.data(), bytes.size()));
  // Texts and profiles are compressed too; they may not grow beyond what such things have.
  constexpr std::size_t max_extras = std::size_t{64} << 20;
  check(spng_set_chunk_limits(decoder.get(), std::max(bytes.size(), max_extras), max_extras));
  spng_ihdr header{};
  check(spng_get_ihdr(decoder.get(), &header));
  check_size(name, header.height, header.width);
  constexpr std::array<std::int64_t, 7> samples{1, 0, 3, 1, 2, 0, 4};  // a pixel's, by colour type
  const auto raw_bytes = (header.width * samples.at(header.color_type) * header.bit_depth + 7) / 8 * header.height;
  if (raw_bytes / max_deflate_ratio > static_cast<std::int64_t>(bytes.size())) {
    fail_decode(name, "a whole PNG image", fmt::format("{} bytes for {} x {} pixels", bytes.size(), header.width, header.height));
  }

  const bool gray = header.color_type == SPNG_COLOR_TYPE_GRAYSCALE || header.color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA;
  // libspng makes plain gray only of gray without alpha of up to 8 bits; the others come as three equal channels.
  const bool plain = header.color_type == SPNG_COLOR_TYPE_GRAYSCALE && header.bit_depth <= 8;
  const auto format = plain ? SPNG_FMT_G8 : SPNG_FMT_RGB8;
  std::size_t size = 0;
  check(spng_decoded_image_size(decoder.get(), format, &size));
  Image image{header.height, header.width, plain ? 1 : 3, std::vector<std::uint8_t>(size)};
  check(spng_decode_image(decoder.get(), image.pixels.data(), size, format, 0));
  check(spng_decode_chunks(decoder.get()));
  // libspng does not look at the end chunk's checksum, which is the last thing that a cut file lacks.
  if (std::find_end(bytes.begin(), bytes.end(), png_end.begin(), png_end.end()) == bytes.end()) check(SPNG_IO_EOF);
  spng_exif exif{};
  const bool has_exif = spng_get_exif(decoder.get(), &exif) == 0;
  const auto orientation = has_exif ? exif_orientation({reinterpret_cast<const std::uint8_t*>(exif.data), exif.length}) : 1;
  return upright(with_channels(std::move(image), channels == 0 && gray ? 1 : channels), orientation);
}

/// `min_short_side` 0 stands for the full size.
Image decode(Bytes bytes, const std::string& name, std::int64_t channels, std::int64_t min_short_side) {
  if (channels != 0 && channels != 1 && channels != 3) {
    detail::fail<OptionError>("decode_image", "channels", "0, 1 or 3", std::to_string(channels));
  }
  if (starts_with(bytes, jpeg_magic)) return decode_jpeg(bytes, name, channels, min_short_side);
  if (starts_with(bytes, png_magic)) return decode_png(bytes, name, channels);
  if (bytes.empty()) fail_decode(name, "a JPEG or PNG image", "an empty file");
  fail_decode(name, "a JPEG or PNG image",
              fmt::format("a file that starts with {:02x}", fmt::join(bytes.first(std::min<std::size_t>(bytes.size(), 8)), " ")));
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

}  // namespace

Image decode_image(Bytes bytes, const std::string& name, std::int64_t channels) { return decode(bytes, name, channels, 0); }

Image decode_image_at_least(Bytes bytes, const std::string& name, std::int64_t channels, std::int64_t min_short_side) {
  if (min_short_side < 1)
    detail::fail<OptionError>("decode_image_at_least", "min_short_side", "at least 1", std::to_string(min_short_side));
  return decode(bytes, name, channels, min_short_side);
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

}  // namespace diva
