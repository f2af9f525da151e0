// Decoding of a part of an image, against the crop of the whole.
#include "support/catch.hpp"

#include <turbojpeg.h>
#include <diva/core/error.hpp>
#include <diva/core/files.hpp>
#include <diva/core/generator.hpp>
#include <diva/io/image.hpp>

#include <cmath>
#include <cstdlib>
#include <memory>

#include "support/source_file.hpp"

using Catch::Matchers::Contains;
using diva::Box;
using diva::Image;

namespace {

using Bytes = std::vector<std::uint8_t>;

const std::string photographs = source_file("tests/fixtures/images/grocery/");

Bytes photograph() { return diva::read_file(photographs + "train_Banana_039.jpg"); }

Image crop(const Image& image, const Box& box) {
  Image result{box.height, box.width, image.channels, {}};
  for (std::int64_t y = box.top; y < box.top + box.height; ++y) {
    const auto row = image.pixels.begin() + (y * image.width + box.left) * image.channels;
    result.pixels.insert(result.pixels.end(), row, row + box.width * image.channels);
  }
  return result;
}

Box random_box(std::int64_t height, std::int64_t width, diva::Generator& generator) {
  Box box{.height = 1 + generator.below(height), .width = 1 + generator.below(width)};
  box.top = generator.below(height - box.height + 1);
  box.left = generator.below(width - box.width + 1);
  return box;
}

/// The pixels of a photograph stored anew.
Bytes stored(const Image& image, int subsampling, int flags) {
  const std::unique_ptr<void, decltype(&tjDestroy)> encoder(tjInitCompress(), &tjDestroy);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  const auto format = image.channels == 1 ? TJPF_GRAY : TJPF_RGB;
  REQUIRE(tjCompress2(encoder.get(), image.pixels.data(), static_cast<int>(image.width), 0, static_cast<int>(image.height), format,
                      &buffer, &size, subsampling, 90, flags) == 0);
  Bytes bytes(buffer, buffer + size);
  tjFree(buffer);
  return bytes;
}

Bytes with_orientation(Bytes jpeg, int orientation) {
  Bytes segment{0xFF,
                0xE1,
                0,
                34,
                'E',
                'x',
                'i',
                'f',
                0,
                0,
                'I',
                'I',
                42,
                0,
                8,
                0,
                0,
                0,
                1,
                0,
                0x12,
                0x01,
                3,
                0,
                1,
                0,
                0,
                0,
                static_cast<std::uint8_t>(orientation),
                0,
                0,
                0,
                0,
                0,
                0,
                0};
  jpeg.insert(jpeg.begin() + 2, segment.begin(), segment.end());
  return jpeg;
}

double mean_difference(const Image& a, const Image& b) {
  REQUIRE(a.pixels.size() == b.pixels.size());
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(int{a.pixels[i]} - int{b.pixels[i]});
  return sum / static_cast<double>(a.pixels.size());
}

}  // namespace

TEST_CASE("decode_image_part equals the crop of the whole, at every subsampling, baseline and progressive, bit by bit") {
  const auto photo = crop(diva::decode_image(photograph(), "photo"), {31, 40, 150, 203});  // sizes that blocks do not divide
  for (const int subsampling : {TJSAMP_444, TJSAMP_422, TJSAMP_420, TJSAMP_440, TJSAMP_411, TJSAMP_GRAY}) {
    for (const int flags : {0, TJFLAG_PROGRESSIVE}) {
      const auto jpeg = stored(photo, subsampling, flags);
      const auto whole = diva::decode_image(jpeg, "photo");
      for (std::uint64_t seed = 0; seed < 60; ++seed) {
        diva::Generator generator(seed);
        const auto box = random_box(whole.height, whole.width, generator);
        INFO("subsampling " << subsampling << ", flags " << flags << ", seed " << seed << ": " << box.height << " x " << box.width
                            << " at " << box.top << ", " << box.left);
        const auto part = diva::decode_image_part(jpeg, "photo", 3, box);
        REQUIRE(part.top == box.top);
        REQUIRE(part.left == box.left);
        REQUIRE(part.reduction == 1);
        REQUIRE(part.image == crop(whole, box));
      }
    }
  }
}

TEST_CASE("decode_image_part equals the crop of the upright image, whatever EXIF says, in colour and grey") {
  const auto plain = stored(crop(diva::decode_image(photograph(), "photo"), {0, 0, 83, 118}), TJSAMP_420, 0);
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const auto jpeg = with_orientation(plain, orientation);
    for (const std::int64_t channels : {0, 1, 3}) {
      const auto whole = diva::decode_image(jpeg, "photo", channels);
      REQUIRE(whole.height == (orientation >= 5 ? 118 : 83));
      CHECK((diva::read_image_header(jpeg, "photo") == diva::ImageHeader{whole.height, whole.width, 3}));
      for (std::uint64_t seed = 0; seed < 20; ++seed) {
        diva::Generator generator(seed);
        const auto box = random_box(whole.height, whole.width, generator);
        INFO("orientation " << orientation << ", channels " << channels << ", seed " << seed);
        REQUIRE(diva::decode_image_part(jpeg, "photo", channels, box).image == crop(whole, box));
        const auto wider = diva::decode_image_part(jpeg, "photo", channels, box, 1, diva::Edges::kept);
        REQUIRE(crop(wider.image, {box.top - wider.top, box.left - wider.left, box.height, box.width}) == crop(whole, box));
      }
    }
  }
}

TEST_CASE("decode_image_part crops a PNG, and CMYK comes out as from the whole") {
  const auto photo = crop(diva::decode_image(photograph(), "photo"), {0, 0, 40, 50});
  const auto part = diva::decode_image_part(diva::encode_png(photo), "x.png", 3, {3, 5, 20, 30}, 4);
  CHECK(part.image == crop(photo, {3, 5, 20, 30}));
  CHECK(part.reduction == 1);
  CHECK((diva::read_image_header(diva::encode_png(photo), "x.png") == diva::ImageHeader{40, 50, 3}));

  Bytes inks;
  for (int i = 0; i < 64 * 48; ++i)
    inks.insert(inks.end(), {static_cast<std::uint8_t>(i % 64 * 4), static_cast<std::uint8_t>(i / 64 * 5), 99, 200});
  const std::unique_ptr<void, decltype(&tjDestroy)> encoder(tjInitCompress(), &tjDestroy);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  REQUIRE(tjCompress2(encoder.get(), inks.data(), 64, 0, 48, TJPF_CMYK, &buffer, &size, TJSAMP_444, 95, 0) == 0);
  const Bytes cmyk(buffer, buffer + size);
  tjFree(buffer);
  const auto whole = diva::decode_image(cmyk, "x.jpg");
  CHECK(diva::decode_image_part(cmyk, "x.jpg", 3, {10, 17, 30, 40}).image == crop(whole, {10, 17, 30, 40}));
}

TEST_CASE("decode_image_part at a reduced size covers the box and lies near the means of its pixels") {
  const auto photo = diva::decode_image(photograph(), "photo");
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const auto jpeg = with_orientation(stored(crop(photo, {0, 0, 333, 341}), TJSAMP_420, 0), orientation);
    const auto whole = diva::decode_image(jpeg, "photo");
    for (const std::int64_t reduction : {2, 4, 8}) {
      for (std::uint64_t seed = 0; seed < 10; ++seed) {
        diva::Generator generator(seed);
        auto box = random_box(whole.height - 64, whole.width - 64, generator);
        box.height += 64;
        box.width += 64;
        const auto [image, top, left, used] = diva::decode_image_part(jpeg, "photo", 3, box, reduction);
        INFO("orientation " << orientation << ", reduction " << reduction << ", seed " << seed);
        REQUIRE(used == reduction);
        REQUIRE((top <= box.top && left <= box.left));
        REQUIRE((top + image.height * reduction >= box.top + box.height && left + image.width * reduction >= box.left + box.width));
        REQUIRE((top > box.top - reduction && left > box.left - reduction));
        // Means of the pixels that each one covers, where all of them are there.
        Image means = image, inner = image;
        for (std::int64_t y = 0; y < image.height; ++y) {
          for (std::int64_t x = 0; x < image.width; ++x) {
            for (std::int64_t c = 0; c < 3; ++c) {
              const auto at = static_cast<std::size_t>((y * image.width + x) * 3 + c);
              int sum = 0;
              bool inside = true;
              for (std::int64_t i = 0; i < reduction * reduction; ++i) {
                const auto row = top + y * reduction + i / reduction, column = left + x * reduction + i % reduction;
                inside = inside && row >= 0 && column >= 0 && row < whole.height && column < whole.width;
                if (inside) sum += whole.pixels[static_cast<std::size_t>((row * whole.width + column) * 3 + c)];
              }
              means.pixels[at] = inside ? static_cast<std::uint8_t>(sum / (reduction * reduction)) : 0;
              if (!inside) inner.pixels[at] = 0;
            }
          }
        }
        REQUIRE(mean_difference(means, inner) < 3);
      }
    }
  }
}

TEST_CASE("decode_image_part does not look at what lies below its part") {
  auto jpeg = photograph();
  jpeg.resize(jpeg.size() / 2);
  CHECK_THROWS_AS(diva::decode_image(jpeg, "half"), diva::IoError);
  CHECK((diva::read_image_header(jpeg, "half") == diva::ImageHeader{348, 348, 3}));
  CHECK(diva::decode_image_part(jpeg, "half", 3, {10, 10, 50, 50}).image ==
        crop(diva::decode_image(photograph(), "whole"), {10, 10, 50, 50}));
  CHECK_THROWS_WITH(diva::decode_image_part(jpeg, "half", 3, {300, 0, 40, 40}), Contains("half"));
}

TEST_CASE("decode_image_part refuses boxes outside the upright image, other reductions and channels") {
  const auto jpeg = with_orientation(stored(crop(diva::decode_image(photograph(), "photo"), {0, 0, 40, 60}), TJSAMP_420, 0), 6);
  CHECK_NOTHROW(diva::decode_image_part(jpeg, "x", 3, {50, 30, 10, 10}));
  CHECK_THROWS_WITH(diva::decode_image_part(jpeg, "x", 3, {30, 50, 10, 10}),
                    "decode_image_part: box must be inside an image of 60 x 40, got 10 x 10 at row 30, column 50");
  for (const Box& box : {Box{0, 0, 0, 0}, Box{-1, 0, 5, 5}, Box{0, 0, 61, 5}, Box{0, 0, 5, 41}}) {
    CHECK_THROWS_AS(diva::decode_image_part(jpeg, "x", 3, box), diva::OptionError);
    CHECK_THROWS_AS(diva::decode_image_part(diva::encode_png(Image{2, 2, 1, Bytes(4)}), "x", 3, box), diva::OptionError);
  }
  CHECK_THROWS_AS(diva::decode_image_part(jpeg, "x", 3, {0, 0, 5, 5}, 3), diva::OptionError);
  CHECK_THROWS_AS(diva::decode_image_part(jpeg, "x", 2, {0, 0, 5, 5}), diva::OptionError);
  CHECK_THROWS_AS(diva::read_image_header({}, "empty"), diva::IoError);
}
