#include "support/catch.hpp"

#include <spng.h>
#include <turbojpeg.h>
#include <diva/core/error.hpp>
#include <diva/core/files.hpp>
#include <diva/core/generator.hpp>
#include <diva/io/image.hpp>

#include <cstdlib>
#include <functional>
#include <memory>
#include <numeric>

#include "support/source_file.hpp"
#include "support/temporary_folder.hpp"

using Catch::Matchers::Contains;
using Catch::Matchers::WithinAbs;
using diva::decode_image;
using diva::Image;

namespace {

using Bytes = std::vector<std::uint8_t>;

const std::string images = source_file("tests/fixtures/images/");

Image noise(std::int64_t height, std::int64_t width, std::int64_t channels, std::uint64_t seed = 0) {
  diva::Generator generator(seed);
  Image image{height, width, channels, Bytes(static_cast<std::size_t>(height * width * channels))};
  for (auto& pixel : image.pixels) pixel = static_cast<std::uint8_t>(generator.below(256));
  return image;
}

/// A smooth picture, which JPEG keeps to a few levels; no two directions alike, so that turning it shows.
Image smooth(std::int64_t height, std::int64_t width, std::int64_t channels) {
  Image image{height, width, channels, {}};
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const std::array values{50 + 150 * x / width, 30 + 200 * y / height, 220 - 100 * (x + y) / (width + height)};
      for (std::int64_t c = 0; c < channels; ++c)
        image.pixels.push_back(static_cast<std::uint8_t>(values[static_cast<std::size_t>(c)]));
    }
  }
  return image;
}

int level(const Image& image, std::int64_t y, std::int64_t x, std::int64_t c = 0) {
  return image.pixels.at(static_cast<std::size_t>((y * image.width + x) * image.channels + c));
}

/// The largest difference between two images of one size.
int distance(const Image& a, const Image& b) {
  REQUIRE(a.height == b.height);
  REQUIRE(a.width == b.width);
  REQUIRE(a.channels == b.channels);
  REQUIRE(a.pixels.size() == b.pixels.size());
  int largest = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) largest = std::max(largest, std::abs(int{a.pixels[i]} - int{b.pixels[i]}));
  return largest;
}

/// A JPEG of any pixel format and flags.
Bytes make_jpeg(const Bytes& pixels, int height, int width, int format, int subsampling, int flags = 0, int quality = 95) {
  const std::unique_ptr<void, decltype(&tjDestroy)> encoder(tjInitCompress(), &tjDestroy);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  REQUIRE(tjCompress2(encoder.get(), pixels.data(), width, 0, height, format, &buffer, &size, subsampling, quality, flags) == 0);
  Bytes bytes(buffer, buffer + size);
  tjFree(buffer);
  return bytes;
}

/// A PNG of any colour type and depth; `extra` adds palette and the like before the pixels are written as they are.
Bytes make_png(const Bytes& rows, std::uint32_t height, std::uint32_t width, int color_type, int depth, bool interlaced = false,
               const std::function<void(spng_ctx*)>& extra = {}) {
  const std::unique_ptr<spng_ctx, decltype(&spng_ctx_free)> encoder(spng_ctx_new(SPNG_CTX_ENCODER), &spng_ctx_free);
  spng_ihdr header{width, height, static_cast<std::uint8_t>(depth), static_cast<std::uint8_t>(color_type), 0, 0, interlaced};
  REQUIRE(spng_set_option(encoder.get(), SPNG_ENCODE_TO_BUFFER, 1) == 0);
  REQUIRE(spng_set_ihdr(encoder.get(), &header) == 0);
  if (extra) extra(encoder.get());
  REQUIRE(spng_encode_image(encoder.get(), rows.data(), rows.size(), SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE) == 0);
  std::size_t size = 0;
  int error = 0;
  auto* buffer = static_cast<std::uint8_t*>(spng_get_png_buffer(encoder.get(), &size, &error));
  REQUIRE(error == 0);
  Bytes bytes(buffer, buffer + size);
  std::free(buffer);
  return bytes;
}

/// EXIF's body: one directory with one entry, the orientation.
Bytes orientation_block(int orientation, bool little) {
  const auto value = static_cast<std::uint8_t>(orientation);
  if (little) return {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, value, 0, 0, 0, 0, 0, 0, 0};
  return {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, value, 0, 0, 0, 0, 0, 0};
}

/// The JPEG with a segment put in right behind its first marker.
Bytes with_segment(Bytes jpeg, std::uint8_t marker, const Bytes& body) {
  const auto size = body.size() + 2;
  jpeg.insert(jpeg.begin() + 2, body.begin(), body.end());
  jpeg.insert(jpeg.begin() + 2, {0xFF, marker, static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)});
  return jpeg;
}

Bytes exif_segment(const Bytes& block) {
  Bytes body(6 + block.size());
  std::copy_n("Exif\0", 6, body.begin());
  std::copy(block.begin(), block.end(), body.begin() + 6);
  return body;
}

/// What a viewer does with each orientation, from the standard's words: where row 0 and column 0 of the stored image belong.
Image turned(const Image& image, int orientation) {
  const auto map = [&](auto&& source, std::int64_t height, std::int64_t width) {
    Image result{height, width, image.channels, {}};
    for (std::int64_t y = 0; y < height; ++y) {
      for (std::int64_t x = 0; x < width; ++x) {
        const auto [row, column] = source(y, x);
        for (std::int64_t c = 0; c < image.channels; ++c)
          result.pixels.push_back(static_cast<std::uint8_t>(level(image, row, column, c)));
      }
    }
    return result;
  };
  const auto h = image.height, w = image.width;
  const auto mirror = [&](const Image& one) {
    Image result = one;
    for (std::int64_t y = 0; y < one.height; ++y) {
      for (std::int64_t x = 0; x < one.width; ++x) {
        for (std::int64_t c = 0; c < one.channels; ++c) {
          result.pixels[static_cast<std::size_t>((y * one.width + x) * one.channels + c)] =
              static_cast<std::uint8_t>(level(one, y, one.width - 1 - x, c));
        }
      }
    }
    return result;
  };
  const auto clockwise = [&] { return map([&](auto y, auto x) { return std::pair(h - 1 - x, y); }, w, h); };
  const auto anticlockwise = [&] { return map([&](auto y, auto x) { return std::pair(x, w - 1 - y); }, w, h); };
  const auto half = [&] { return map([&](auto y, auto x) { return std::pair(h - 1 - y, w - 1 - x); }, h, w); };
  switch (orientation) {
    case 2:
      return mirror(image);
    case 3:
      return half();
    case 4:
      return mirror(half());  // row 0 at the bottom, column 0 at the left
    case 5:
      return mirror(clockwise());  // row 0 at the left, column 0 at the top
    case 6:
      return clockwise();  // row 0 at the right, column 0 at the top
    case 7:
      return mirror(anticlockwise());  // row 0 at the right, column 0 at the bottom
    case 8:
      return anticlockwise();  // row 0 at the left, column 0 at the bottom
    default:
      return image;
  }
}

}  // namespace

TEST_CASE("PNG returns what was encoded, gray and colour, at every small size") {
  for (const std::int64_t channels : {1, 3}) {
    for (const auto& [height, width] : {std::pair{1, 1}, {1, 7}, {9, 1}, {5, 8}, {33, 17}}) {
      const auto image = noise(height, width, channels);
      CHECK(decode_image(diva::encode_png(image), "x.png", 0) == image);
      CHECK(decode_image(diva::encode_png(image), "x.png", channels) == image);
    }
  }
}

TEST_CASE("JPEG returns what was encoded up to its loss, baseline and progressive, at every subsampling") {
  const auto image = smooth(45, 61, 3);
  CHECK(distance(decode_image(diva::encode_jpeg(image, 95), "x.jpg"), image) <= 6);
  for (const int subsampling : {TJSAMP_444, TJSAMP_422, TJSAMP_420, TJSAMP_440, TJSAMP_411}) {
    for (const int flags : {0, TJFLAG_PROGRESSIVE}) {
      INFO("subsampling " << subsampling << ", flags " << flags);
      CHECK(distance(decode_image(make_jpeg(image.pixels, 45, 61, TJPF_RGB, subsampling, flags), "x.jpg"), image) <= 8);
    }
  }
  const auto gray = smooth(45, 61, 1);
  CHECK(distance(decode_image(diva::encode_jpeg(gray, 95), "x.jpg", 0), gray) <= 3);
}

TEST_CASE("JPEG quality trades bytes") {
  const auto image = noise(32, 32, 3);
  CHECK(diva::encode_jpeg(image, 20).size() < diva::encode_jpeg(image, 90).size());
}

TEST_CASE("channels: gray is repeated, colour becomes luminance, and 0 keeps what is there") {
  // 0.299 · 255 = 76.2, 0.587 · 255 = 149.7, 0.114 · 255 = 29.1, and 0.299 · 10 + 0.587 · 20 + 0.114 · 30 = 18.15
  const Image colours{1, 6, 3, {255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30, 255, 255, 255, 0, 0, 0}};
  const auto gray = decode_image(diva::encode_png(colours), "x.png", 1);
  CHECK(gray == Image{1, 6, 1, {76, 150, 29, 18, 255, 0}});
  CHECK(decode_image(diva::encode_png(gray), "x.png", 3).pixels ==
        Bytes{76, 76, 76, 150, 150, 150, 29, 29, 29, 18, 18, 18, 255, 255, 255, 0, 0, 0});
  CHECK(decode_image(diva::encode_png(gray), "x.png").channels == 3);

  const auto image = smooth(24, 40, 3);
  CHECK(decode_image(diva::encode_jpeg(image, 95), "x.jpg", 0).channels == 3);
  CHECK(distance(decode_image(diva::encode_jpeg(image, 95), "x.jpg", 1), decode_image(diva::encode_png(image), "x.png", 1)) <= 4);
  const auto from_gray = decode_image(diva::encode_jpeg(gray, 95), "x.jpg", 3);
  CHECK(from_gray.channels == 3);
  for (std::int64_t x = 0; x < 6; ++x)
    CHECK((level(from_gray, 0, x, 0) == level(from_gray, 0, x, 1) && level(from_gray, 0, x, 1) == level(from_gray, 0, x, 2)));
  for (const std::int64_t channels : {-1, 2, 4})
    CHECK_THROWS_AS(decode_image(diva::encode_png(gray), "x.png", channels), diva::OptionError);
}

TEST_CASE("PNG of every colour type and depth") {
  for (const bool interlaced : {false, true}) {
    INFO("interlaced " << interlaced);
    // Gray of 1, 2 and 4 bits spans 0 … 255: bits 1,0,1 then 0,1,1; 3,2,1,0 → 255,170,85,0; 15, 1, 0 → 255, 17, 0.
    CHECK(decode_image(make_png({0b10100000, 0b01100000}, 2, 3, 0, 1, interlaced), "x", 0) ==
          Image{2, 3, 1, {255, 0, 255, 0, 255, 255}});
    CHECK(decode_image(make_png({0b11100100}, 1, 4, 0, 2, interlaced), "x", 0) == Image{1, 4, 1, {255, 170, 85, 0}});
    CHECK(decode_image(make_png({0xF1, 0x00}, 1, 3, 0, 4, interlaced), "x", 0) == Image{1, 3, 1, {255, 17, 0}});
    const auto big = noise(13, 11, 1);
    CHECK(decode_image(make_png(big.pixels, 13, 11, 0, 8, interlaced), "x", 0) == big);
    // 16 bits, given in the machine's order: the upper eight stay.
    CHECK(decode_image(make_png({0xCD, 0xAB, 0xFF, 0x00}, 1, 2, 0, 16, interlaced), "x", 0) == Image{1, 2, 1, {0xAB, 0x00}});
    CHECK(decode_image(make_png({1, 10, 2, 20, 3, 30}, 1, 1, 2, 16, interlaced), "x", 0) == Image{1, 1, 3, {10, 20, 30}});
    // Alpha is dropped, fully transparent pixels keep their colour.
    CHECK(decode_image(make_png({100, 0, 200, 255}, 1, 2, 4, 8, interlaced), "x", 0) == Image{1, 2, 1, {100, 200}});
    CHECK(decode_image(make_png({1, 100, 0, 0}, 1, 1, 4, 16, interlaced), "x", 0) == Image{1, 1, 1, {100}});
    CHECK(decode_image(make_png({1, 2, 3, 0, 4, 5, 6, 255}, 1, 2, 6, 8, interlaced), "x", 0) == Image{1, 2, 3, {1, 2, 3, 4, 5, 6}});
    CHECK(decode_image(make_png({1, 10, 2, 20, 3, 30, 0, 0}, 1, 1, 6, 16, interlaced), "x", 0) == Image{1, 1, 3, {10, 20, 30}});
    // Palettes, with a transparent entry.
    const auto palette = [](spng_ctx* encoder) {
      spng_plte colours{.n_entries = 3, .entries = {{10, 20, 30, 255}, {40, 50, 60, 255}, {70, 80, 90, 255}}};
      spng_trns transparency{};
      transparency.n_type3_entries = 1;
      REQUIRE(spng_set_plte(encoder, &colours) == 0);
      REQUIRE(spng_set_trns(encoder, &transparency) == 0);
    };
    const Image expected{1, 3, 3, {70, 80, 90, 10, 20, 30, 40, 50, 60}};
    CHECK(decode_image(make_png({0b10000100}, 1, 3, 3, 2, interlaced, palette), "x", 0) == expected);
    CHECK(decode_image(make_png({0x20, 0x10}, 1, 3, 3, 4, interlaced, palette), "x", 0) == expected);
    CHECK(decode_image(make_png({2, 0, 1}, 1, 3, 3, 8, interlaced, palette), "x", 0) == expected);
    CHECK(decode_image(make_png({2, 0, 1}, 1, 3, 3, 8, interlaced, palette), "x", 1).channels == 1);
  }
}

TEST_CASE("JPEG in inks: inverted, as Adobe stores them, CMYK as well as YCCK") {
  // Stored values are 255 - ink, so C' M' Y' K' is R = C' K' / 255 and so on: (200, 100, 50) with K' = 255, and gray 128 · 100 /
  // 255 = 50.
  Bytes pixels;
  for (int i = 0; i < 16 * 16; ++i) pixels.insert(pixels.end(), {200, 100, 50, 255});
  for (int i = 0; i < 16 * 16; ++i) pixels.insert(pixels.end(), {128, 128, 128, 100});
  const auto ycck = make_jpeg(pixels, 32, 16, TJPF_CMYK, TJSAMP_444, 0, 100);
  const auto image = decode_image(ycck, "x.jpg");
  CHECK(image.channels == 3);
  for (const auto& [c, expected] : {std::pair{0, 200}, {1, 100}, {2, 50}})
    CHECK_THAT(level(image, 5, 5, c), WithinAbs(expected, 2));
  for (const int c : {0, 1, 2}) CHECK_THAT(level(image, 25, 5, c), WithinAbs(50, 2));
  CHECK_THAT(level(decode_image(ycck, "x.jpg", 1), 25, 5), WithinAbs(50, 2));
  CHECK(decode_image(ycck, "x.jpg", 0).channels == 3);

  // The same file said to be plain CMYK: then its Y, Cb, Cr are the inks. Gray 128 is stored as Y = 255 - (255 - 128) = 128 in the
  // library's inverted sense, Cb = Cr = 128; with K' = 100 each is 128 · 100 / 255 = 50.
  auto cmyk = ycck;
  const Bytes adobe{'A', 'd', 'o', 'b', 'e'};
  const auto marker = std::search(cmyk.begin(), cmyk.end(), adobe.begin(), adobe.end());
  REQUIRE(marker != cmyk.end());
  marker[11] = 0;
  const auto plain = decode_image(cmyk, "x.jpg");
  for (const int c : {0, 1, 2}) CHECK_THAT(level(plain, 25, 5, c), WithinAbs(50, 3));
}

TEST_CASE("JPEG whose three components are RGB itself") {
  // A uniform gray of 200 has Y = 200 and Cb = Cr = 128; the Adobe segment says that these are red, green and blue. The JFIF
  // segment, which says YCbCr, goes.
  auto jpeg = make_jpeg(Bytes(16 * 16 * 3, 200), 16, 16, TJPF_RGB, TJSAMP_444);
  jpeg.erase(jpeg.begin() + 2, jpeg.begin() + 20);
  const auto image = decode_image(with_segment(jpeg, 0xEE, {'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 0}), "x.jpg");
  CHECK_THAT(level(image, 3, 3, 0), WithinAbs(200, 1));
  CHECK_THAT(level(image, 3, 3, 1), WithinAbs(128, 1));
  CHECK_THAT(level(image, 3, 3, 2), WithinAbs(128, 1));
}

TEST_CASE("images are turned upright as EXIF says, in both byte orders, JPEG and PNG") {
  const auto image = noise(3, 5, 3);
  const auto photo = smooth(48, 80, 3);
  const auto stored = decode_image(diva::encode_jpeg(photo, 90), "x.jpg");
  for (int orientation = 1; orientation <= 8; ++orientation) {
    for (const bool little : {false, true}) {
      INFO("orientation " << orientation << ", little " << little);
      auto block = orientation_block(orientation, little);
      const auto png = make_png(image.pixels, 3, 5, 2, 8, false, [&](spng_ctx* encoder) {
        spng_exif exif{.length = block.size(), .data = reinterpret_cast<char*>(block.data())};
        REQUIRE(spng_set_exif(encoder, &exif) == 0);
      });
      CHECK(decode_image(png, "x.png") == turned(image, orientation));
      const auto jpeg = with_segment(diva::encode_jpeg(photo, 90), 0xE1, exif_segment(block));
      CHECK(decode_image(jpeg, "x.jpg") == turned(stored, orientation));
      const auto small = diva::decode_image_at_least(jpeg, "x.jpg", 3, 24);
      CHECK(small.height == (orientation >= 5 ? 40 : 24));
      CHECK(small.width == (orientation >= 5 ? 24 : 40));
    }
  }
}

TEST_CASE("EXIF that is cut short, points outside or says nothing usable counts as upright") {
  const auto photo = smooth(16, 24, 3);
  const auto jpeg = diva::encode_jpeg(photo, 90);
  const auto stored = decode_image(jpeg, "x.jpg");
  const auto full = orientation_block(6, true);
  for (std::size_t size = 0; size + 6 < full.size(); ++size) {  // the entry's value ends six bytes before the end
    CHECK(decode_image(with_segment(jpeg, 0xE1, exif_segment({full.begin(), full.begin() + static_cast<std::ptrdiff_t>(size)})),
                       "x.jpg") == stored);
  }
  for (const auto& [position, value] : {std::pair{18, 0}, {18, 9}, {12, 4}, {7, 255}, {4, 255}, {0, 'X'}}) {
    auto block = full;
    block[static_cast<std::size_t>(position)] = static_cast<std::uint8_t>(value);
    INFO(position << " = " << value);
    CHECK(decode_image(with_segment(jpeg, 0xE1, exif_segment(block)), "x.jpg") == stored);
  }
  CHECK(decode_image(with_segment(jpeg, 0xE1, {'h', 't', 't', 'p'}), "x.jpg") == stored);  // other APP1 data, such as XMP
}

TEST_CASE("decode_image_at_least takes the smallest scale that is large enough") {
  const auto jpeg = diva::encode_jpeg(smooth(160, 240, 3), 90);
  // Short side 160: 20, 40, 80, 160.
  for (const auto& [asked, height] :
       {std::pair{1, 20}, {20, 20}, {21, 40}, {40, 40}, {41, 80}, {80, 80}, {81, 160}, {160, 160}, {500, 160}}) {
    INFO(asked);
    const auto image = diva::decode_image_at_least(jpeg, "x.jpg", 3, asked);
    CHECK(image.height == height);
    CHECK(image.width == height * 3 / 2);
    CHECK(distance(image, smooth(height, height * 3 / 2, 3)) <= 12);
  }
  CHECK(diva::decode_image_at_least(jpeg, "x.jpg", 1, 80).channels == 1);
  const auto png = noise(64, 64, 3);
  CHECK(diva::decode_image_at_least(diva::encode_png(png), "x.png", 3, 8) == png);
  CHECK_THROWS_AS(diva::decode_image_at_least(jpeg, "x.jpg", 3, 0), diva::OptionError);

  // Sizes that a scale does not divide are rounded up.
  for (std::int64_t side = 1; side < 40; ++side) {
    const auto odd = diva::encode_jpeg(smooth(side, side + 3, 3), 90);
    for (std::int64_t asked = 1; asked <= side; ++asked) {
      auto expected = side;
      for (const auto divisor : {2, 4, 8}) {
        if ((side + divisor - 1) / divisor >= asked) expected = (side + divisor - 1) / divisor;
      }
      CHECK(diva::decode_image_at_least(odd, "x.jpg", 3, asked).height == expected);
    }
  }
}

TEST_CASE("real photographs decode to what another library says") {
  // Means and pixels by Pillow 13; other builds of the JPEG library may round differently by a level or two.
  struct Photo {
    std::string file;
    std::array<double, 3> mean;
    std::array<int, 3> corner, inside;  // at (0, 0) and (100, 50)
  };
  for (const auto& [file, mean, corner, inside] :
       {Photo{"grocery/train_Banana_039.jpg", {121.797, 102.577, 72.268}, {180, 189, 64}, {26, 24, 12}},
        Photo{"grocery/train_Granny-Smith_050.jpg", {146.683, 114.693, 82.793}, {157, 56, 70}, {106, 42, 30}}}) {
    INFO(file);
    const auto image = diva::read_image(images + file);
    REQUIRE((image.height == 348 && image.width == 348 && image.channels == 3));
    for (const int c : {0, 1, 2}) {
      double sum = 0;
      for (std::size_t i = static_cast<std::size_t>(c); i < image.pixels.size(); i += 3) sum += image.pixels[i];
      const auto channel = static_cast<std::size_t>(c);
      CHECK_THAT(sum / (348 * 348), WithinAbs(mean[channel], 0.2));
      CHECK_THAT(level(image, 0, 0, c), WithinAbs(corner[channel], 3));
      CHECK_THAT(level(image, 100, 50, c), WithinAbs(inside[channel], 3));
    }
  }
}

TEST_CASE("Omniglot's one-bit drawings decode to ink 0 and paper 255") {
  for (const auto& [file, ink] : {std::pair{"omniglot/0394_01.png", 822}, {"omniglot/0709_01.png", 905}}) {
    const auto image = diva::read_image(images + file, 1);
    CHECK((image.height == 105 && image.width == 105 && image.channels == 1));
    CHECK(std::count(image.pixels.begin(), image.pixels.end(), 0) == ink);
    CHECK(std::count(image.pixels.begin(), image.pixels.end(), 255) == 105 * 105 - ink);
    CHECK(diva::read_image(images + file, 0) == image);
  }
}

TEST_CASE("what is no image is refused by name with its first bytes") {
  CHECK_THROWS_AS(decode_image({}, "photo.jpg"), diva::IoError);
  CHECK_THROWS_WITH(decode_image({}, "photo.jpg"), Contains("photo.jpg") && Contains("empty"));
  const std::string gif = "GIF89a";
  CHECK_THROWS_WITH(decode_image(Bytes(gif.begin(), gif.end()), "photo.jpg"), Contains("photo.jpg") && Contains("47 49 46"));
  CHECK_THROWS_WITH(diva::read_image("/no/such/photo.jpg"), Contains("/no/such/photo.jpg"));
  const TemporaryFolder folder;
  diva::write_file_atomically(folder / "text.png", Bytes{'a'});
  CHECK_THROWS_WITH(diva::read_image(folder / "text.png"), Contains("text.png"));
}

TEST_CASE("stray bytes before the end marker, and anything behind it, do no harm") {
  const auto jpeg = diva::encode_jpeg(smooth(24, 24, 3), 90);
  const auto expected = decode_image(jpeg, "x.jpg");
  auto padded = jpeg;
  padded.insert(padded.end() - 2, {0, 0, 0, 0});
  CHECK(decode_image(padded, "x.jpg") == expected);
  auto trailing = jpeg;
  trailing.insert(trailing.end(), {1, 2, 3});
  CHECK(decode_image(trailing, "x.jpg") == expected);
}

TEST_CASE("images are encoded only when they are well-formed") {
  for (const auto& image : {Image{}, Image{2, 2, 3, Bytes(11)}, Image{2, 2, 2, Bytes(8)}, Image{-1, -1, 1, Bytes(1)},
                            Image{0, 4, 1, {}}, Image{1, 65501, 1, Bytes(65501)}}) {
    CHECK_THROWS_AS(diva::encode_png(image), diva::ShapeError);
    CHECK_THROWS_AS(diva::encode_jpeg(image), diva::ShapeError);
  }
  for (const int quality : {0, 101, -5}) CHECK_THROWS_AS(diva::encode_jpeg(noise(2, 2, 1), quality), diva::OptionError);
}
