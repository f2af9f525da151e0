#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/data/image_transforms.hpp>

#include <algorithm>
#include <cmath>
#include <string>

#include "support/source_file.hpp"

using diva::Image;
using diva::Interpolation;

namespace {

Image row(std::vector<std::uint8_t> pixels) { return {1, static_cast<std::int64_t>(pixels.size()), 1, std::move(pixels)}; }

Image noise(std::int64_t height, std::int64_t width, std::int64_t channels, diva::Generator& generator) {
  Image image{height, width, channels, {}};
  for (std::int64_t i = 0; i < height * width * channels; ++i)
    image.pixels.push_back(static_cast<std::uint8_t>(generator.below(256)));
  return image;
}

Image fixture(const std::string& name, std::int64_t channels = 3) {
  return diva::read_image(source_file("tests/fixtures/resize/") + name + ".png", channels);
}

}  // namespace

TEST_CASE("resize shrinks a row with a triangle of twice the width, by hand") {
  // 4 -> 2: step 2, so output 0 has its centre at 1 and weighs pixels at 0.5, 1.5, 2.5 with 1 - |d|/2 = .75, .75, .25:
  // (0·.75 + 100·.75 + 200·.25) / 1.75 = 71.43; output 1 by symmetry (100·.25 + 200·.75 + 40·.75) / 1.75 = 117.14.
  CHECK(diva::resize(row({0, 100, 200, 40}), {.height = 1, .width = 2}).pixels == std::vector<std::uint8_t>{71, 117});
}

TEST_CASE("resize enlarges a row with both kernels, by hand") {
  // 2 -> 4: centres at .25, .75, 1.25, 1.75. Bilinear at .75: pixels at distance .25 and .75 weigh .75 and .25; at .25 the second
  // pixel is 1.25 away and does not count.
  CHECK(diva::resize(row({0, 100}), {.height = 1, .width = 4}).pixels == std::vector<std::uint8_t>{0, 25, 75, 100});
  // Bicubic: kernel(.25) = .8672, kernel(.75) = .2266, kernel(1.25) = -.0703. At .75: 100·.2266 / 1.0938 = 20.7; at .25:
  // 100·(-.0703) / .7969 = -8.8, clamped to 0; the other two are 100 minus these.
  const auto bicubic = diva::resize(row({0, 100}), {.height = 1, .width = 4, .interpolation = Interpolation::bicubic});
  CHECK(bicubic.pixels == std::vector<std::uint8_t>{0, 21, 79, 109});
}

TEST_CASE("resize equals Pillow on a photograph") {
  const auto photo = fixture("photo"), gray = fixture("photo_gray", 1);
  for (const auto method : {Interpolation::bilinear, Interpolation::bicubic}) {
    const auto name = std::string(diva::to_string(method));
    for (const auto& [height, width] : {std::pair{17, 23}, std::pair{4, 5}, std::pair{60, 80}, std::pair{70, 20}}) {
      INFO(name << " " << height << "x" << width);
      const auto size = std::to_string(height) + "x" + std::to_string(width);
      CHECK(diva::resize(photo, {.height = height, .width = width, .interpolation = method}) == fixture(name + "_" + size));
    }
    CHECK(diva::resize(gray, {.height = 17, .width = 23, .interpolation = method}) == fixture(name + "_gray_17x23", 1));
    CHECK(diva::resize(photo, {.height = 24, .width = 24, .source = {5, 10, 30, 40}, .interpolation = method}) ==
          fixture(name + "_box_24x24"));
  }
}

TEST_CASE("resize with source and window equals cropping before and after") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    diva::Generator generator(seed);
    const auto box_in = [&](std::int64_t height, std::int64_t width) {
      diva::Box box{.height = 1 + generator.below(height), .width = 1 + generator.below(width)};
      box.top = generator.below(height - box.height + 1);
      box.left = generator.below(width - box.width + 1);
      return box;
    };
    const auto image = noise(1 + generator.below(30), 1 + generator.below(30), seed % 2 ? 1 : 3, generator);
    diva::ResizeOptions options{.height = 1 + generator.below(40), .width = 1 + generator.below(40)};
    options.interpolation = generator.below(2) == 0 ? Interpolation::bilinear : Interpolation::bicubic;
    const auto source = box_in(image.height, image.width), window = box_in(options.height, options.width);
    const auto slow = diva::crop(diva::resize(diva::crop(image, source), options), window);
    options.source = source;
    options.window = window;
    INFO("seed " << seed);
    REQUIRE(diva::resize(image, options) == slow);
  }
}

TEST_CASE("resize keeps a constant image constant and an image of the right size as it is") {
  diva::Generator generator(1);
  for (std::int64_t i = 0; i < 100; ++i) {
    const auto height = 1 + generator.below(50), width = 1 + generator.below(50);
    const auto image = noise(height, width, 3, generator);
    REQUIRE(diva::resize(image, {.height = height, .width = width}) == image);
    const Image constant{height, width, 1, std::vector<std::uint8_t>(static_cast<std::size_t>(height * width), 201)};
    const auto resized =
        diva::resize(constant, {.height = 1 + generator.below(60), .width = 13, .interpolation = Interpolation::bicubic});
    REQUIRE(std::all_of(resized.pixels.begin(), resized.pixels.end(), [](int grey) { return grey == 201; }));
  }
}

TEST_CASE("crop and flip_horizontally move pixels, by hand") {
  // Two rows of three RGB pixels, the channels of a pixel consecutive.
  const Image image{2, 3, 3, {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19}};
  CHECK(diva::crop(image, {1, 1, 1, 2}).pixels == std::vector<std::uint8_t>{14, 15, 16, 17, 18, 19});
  CHECK(diva::flip_horizontally(image).pixels ==
        std::vector<std::uint8_t>{7, 8, 9, 4, 5, 6, 1, 2, 3, 17, 18, 19, 14, 15, 16, 11, 12, 13});
  CHECK(diva::flip_horizontally(diva::flip_horizontally(image)) == image);
}

TEST_CASE("short_side_size and centre_box round as torchvision does") {
  // int(256 · 500 / 375) = 341, and round(58.5) = 58 in Python; round(59.5) = 60.
  CHECK(diva::short_side_size(Image{375, 500, 3, {}}, 256) == std::pair<std::int64_t, std::int64_t>{256, 341});
  CHECK(diva::short_side_size(Image{500, 375, 3, {}}, 256) == std::pair<std::int64_t, std::int64_t>{341, 256});
  CHECK(diva::short_side_size(Image{105, 105, 1, {}}, 28) == std::pair<std::int64_t, std::int64_t>{28, 28});
  CHECK(diva::centre_box(256, 341, 224, 224) == diva::Box{16, 58, 224, 224});
  CHECK(diva::centre_box(256, 343, 224, 224) == diva::Box{16, 60, 224, 224});
}

TEST_CASE("move_affine moves nothing by default and shifts by whole and half pixels, by hand") {
  diva::Generator generator(3);
  const auto image = noise(9, 12, 3, generator);
  CHECK(diva::move_affine(image, {}) == image);
  CHECK(diva::move_affine(row({10, 20, 30}), {.right = 1}, 7).pixels == std::vector<std::uint8_t>{7, 10, 20});
  CHECK(diva::move_affine(row({100, 200}), {.right = 0.5}).pixels == std::vector<std::uint8_t>{50, 150});  // (0+100)/2, (100+200)/2
  const Image column{3, 1, 1, {10, 20, 30}};
  CHECK(diva::move_affine(column, {.down = -1}, 255).pixels == std::vector<std::uint8_t>{20, 30, 255});
}

TEST_CASE("move_affine rotates clockwise, enlarges and leans, by hand") {
  const Image square{2, 2, 1, {1, 2, 3, 4}};
  CHECK(diva::move_affine(square, {.rotation_degrees = 90}).pixels == std::vector<std::uint8_t>{3, 1, 4, 2});
  CHECK(diva::move_affine(square, {.rotation_degrees = 180}).pixels == std::vector<std::uint8_t>{4, 3, 2, 1});
  // About the centre 1: outputs 0, 1, 2 come from 0.5, 1, 1.5.
  CHECK(diva::move_affine(row({0, 100, 200}), {.scale = 2}).pixels == std::vector<std::uint8_t>{50, 100, 150});
  // A vertical line leans by 45°: the row above the centre moves left by one, the row below right by one.
  const Image line{3, 3, 1, {0, 9, 0, 0, 9, 0, 0, 9, 0}};
  CHECK(diva::move_affine(line, {.shear_degrees = 45}).pixels == std::vector<std::uint8_t>{9, 0, 0, 0, 9, 0, 0, 0, 9});
}

TEST_CASE("move_affine turned forth and back gives a smooth image again") {
  Image image{41, 41, 1, {}};
  for (int y = 0; y < 41; ++y) {
    for (int x = 0; x < 41; ++x)
      image.pixels.push_back(static_cast<std::uint8_t>(50 + 3 * x + y));  // a plane: interpolation is exact
  }
  const auto back =
      diva::move_affine(diva::move_affine(image, {.rotation_degrees = 30, .right = 2}), {.rotation_degrees = 0, .right = -2});
  const auto unturned = diva::move_affine(back, {.rotation_degrees = -30});
  for (int y = 12; y < 29; ++y) {
    for (int x = 12; x < 29; ++x) {
      const auto i = static_cast<std::size_t>(y * 41 + x);
      REQUIRE(std::abs(unturned.pixels[i] - image.pixels[i]) <= 2);
    }
  }
}

TEST_CASE("quarter_turn turns clockwise, by hand and as Pillow does") {
  // 1 2 3      4 1
  // 4 5 6  ->  5 2
  //            6 3
  const Image image{2, 3, 1, {1, 2, 3, 4, 5, 6}};
  CHECK(diva::quarter_turn(image, 1) == Image{3, 2, 1, {4, 1, 5, 2, 6, 3}});
  CHECK(diva::quarter_turn(image, 2) == Image{2, 3, 1, {6, 5, 4, 3, 2, 1}});
  CHECK(diva::quarter_turn(image, -1) == Image{3, 2, 1, {3, 6, 2, 5, 1, 4}});
  CHECK(diva::quarter_turn(image, 4) == image);
  for (int turns = 1; turns < 4; ++turns) {
    CHECK(diva::quarter_turn(fixture("photo"), turns) ==
          diva::read_image(source_file("tests/fixtures/color/turned_") + std::to_string(turns) + ".png"));
  }
}

TEST_CASE("resize of many sizes equals its definition in plain loops, on one and three channels") {
  // The sums in the order of the formula; each pass rounds, so equality holds to the last bit.
  const auto triangle = [](double x) { return std::max(0.0, 1 - std::abs(x)); };
  const auto axis = [&](std::int64_t source, std::int64_t target, std::int64_t out, auto&& value) {
    const double step = static_cast<double>(source) / static_cast<double>(target), stretch = std::max(1.0, step);
    double total = 0, sum = 0;
    for (std::int64_t i = 0; i < source; ++i) {
      const double weight = triangle((static_cast<double>(i) + 0.5 - (static_cast<double>(out) + 0.5) * step) / stretch);
      total += weight;
      sum += weight * value(i);
    }
    return std::clamp(std::floor(sum / total + 0.5), 0.0, 255.0);
  };
  std::int64_t different = 0, all = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    diva::Generator generator(seed);
    const auto channels = seed % 2 == 0 ? 1 : 3;
    const auto image = noise(1 + generator.below(25), 1 + generator.below(25), channels, generator);
    const auto height = 1 + generator.below(30), width = 1 + generator.below(30);
    const auto result = diva::resize(image, {.height = height, .width = width});
    for (std::int64_t y = 0; y < height; ++y) {
      for (std::int64_t x = 0; x < width; ++x) {
        for (std::int64_t c = 0; c < channels; ++c) {
          const auto narrow = [&](std::int64_t row) {
            return axis(image.width, width, x, [&](std::int64_t column) {
              return double{
                  static_cast<double>(image.pixels[static_cast<std::size_t>((row * image.width + column) * channels + c)])};
            });
          };
          const auto expected = axis(image.height, height, y, narrow);
          const double got = result.pixels[static_cast<std::size_t>((y * width + x) * channels + c)];
          REQUIRE(std::abs(got - expected) <= 1);  // a half may fall to either side, once a pass
          different += got == expected ? 0 : 1;
          ++all;
        }
      }
    }
  }
  CHECK(different * 20 < all);  // small whole sizes make many exact halves
}

TEST_CASE("image transforms refuse boxes outside the image, empty sizes and malformed images") {
  const Image image = row({1, 2, 3});
  CHECK_THROWS_WITH(diva::crop(image, {0, 2, 1, 2}), "crop: box must be inside an image of 1 x 3, got 1 x 2 at row 0, column 2");
  CHECK_THROWS_AS(diva::crop(image, {-1, 0, 1, 1}), diva::OptionError);
  CHECK_THROWS_AS(diva::crop(image, {0, 0, 0, 1}), diva::OptionError);
  CHECK_THROWS_AS(diva::resize(image, {.height = 0, .width = 3}), diva::OptionError);
  CHECK_THROWS_AS(diva::resize(image, {.height = 2, .width = 2, .window = {1, 1, 2, 2}}), diva::OptionError);
  CHECK_THROWS_AS(diva::resize(image, {.height = 2, .width = 2, .source = {0, 1, 1, 3}}), diva::OptionError);
  CHECK_THROWS_AS(diva::resize(Image{1, 3, 1, {1, 2}}, {.height = 2, .width = 2}), diva::ShapeError);
  CHECK_THROWS_AS(diva::flip_horizontally(Image{1, 1, 2, {1, 2}}), diva::ShapeError);
  CHECK_THROWS_AS(diva::move_affine(image, {.scale = 0}), diva::OptionError);
  CHECK_THROWS_AS(diva::move_affine(image, {.shear_degrees = 90}), diva::OptionError);
  CHECK_THROWS_AS(diva::short_side_size(image, 0), diva::OptionError);
}
