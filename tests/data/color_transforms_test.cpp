#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/data/color_transforms.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <set>
#include <string>

#include "support/source_file.hpp"

using Catch::Matchers::WithinAbs;
using diva::Box;
using diva::Generator;
using diva::Image;

namespace {

Image fixture(const std::string& name) { return diva::read_image(source_file("tests/fixtures/") + name + ".png"); }
Image photo() { return fixture("resize/photo"); }

int distance(const Image& a, const Image& b) {
  REQUIRE((a.height == b.height && a.width == b.width && a.channels == b.channels));
  int largest = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) largest = std::max(largest, std::abs(int{a.pixels[i]} - int{b.pixels[i]}));
  return largest;
}

Image pixel(std::uint8_t red, std::uint8_t green, std::uint8_t blue) { return {1, 1, 3, {red, green, blue}}; }

}  // namespace

TEST_CASE("brightness, contrast, saturation and hue equal torchvision's by way of Pillow on a photograph") {
  for (const auto& [text, factor] : {std::pair{"0.0", 0.0}, {"0.6", 0.6}, {"1.4", 1.4}}) {
    INFO(text);
    CHECK(diva::adjust_brightness(photo(), factor) == fixture(std::string("color/brightness_") + text));
    CHECK(diva::adjust_contrast(photo(), factor) == fixture(std::string("color/contrast_") + text));
    CHECK(diva::adjust_saturation(photo(), factor) == fixture(std::string("color/saturation_") + text));
  }
  for (const auto& [text, shift] : {std::pair{"-0.3", -0.3}, {"0.0", 0.0}, {"0.1", 0.1}, {"0.5", 0.5}}) {
    INFO(text);
    CHECK(diva::adjust_hue(photo(), shift) == fixture(std::string("color/hue_") + text));
  }
  CHECK(diva::to_gray(photo()) == fixture("color/gray"));
}

TEST_CASE("gaussian_blur lies within one grey level of torchvision's on a photograph") {
  CHECK(distance(diva::gaussian_blur(photo(), 5, 0.4), fixture("color/blur_5_0.4")) <= 1);
  CHECK(distance(diva::gaussian_blur(photo(), 9, 1.3), fixture("color/blur_9_1.3")) <= 1);
  CHECK(distance(diva::gaussian_blur(photo(), 23, 2.0), fixture("color/blur_23_2.0")) <= 1);
}

TEST_CASE("colours move by hand") {
  // Half as bright: 100.5 and 5.5 are cut. Twice: clamped.
  CHECK(diva::adjust_brightness(pixel(201, 11, 200), 0.5).pixels == std::vector<std::uint8_t>{100, 5, 100});
  CHECK(diva::adjust_brightness(pixel(201, 11, 100), 2).pixels == std::vector<std::uint8_t>{255, 22, 200});
  // Luminance of (255, 0, 0) is 76.2: a factor of 0 gives it, 1/2 the middle: 76 + 89.5 = 165, 76 - 38 = 38.
  CHECK(diva::to_gray(pixel(255, 0, 0)).pixels == std::vector<std::uint8_t>{76, 76, 76});
  CHECK(diva::adjust_saturation(pixel(255, 0, 0), 0).pixels == std::vector<std::uint8_t>{76, 76, 76});
  CHECK(diva::adjust_saturation(pixel(255, 0, 0), 0.5).pixels == std::vector<std::uint8_t>{165, 38, 38});
  // Mean of 0 and 201 is 100.5, rounded 101: 101 - 50.5 = 50 and 101 + 50 = 151 for a factor of 1/2.
  CHECK(diva::adjust_contrast(Image{1, 2, 1, {0, 201}}, 0.5).pixels == std::vector<std::uint8_t>{50, 151});
  // A third of the circle: red has hue 0, green 85 of 255.
  CHECK(diva::adjust_hue(pixel(255, 0, 0), 1.0 / 3).pixels == std::vector<std::uint8_t>{0, 255, 0});
  CHECK(diva::adjust_hue(pixel(9, 9, 9), 0.4).pixels == std::vector<std::uint8_t>{9, 9, 9});
  const Image gray{2, 2, 1, {1, 2, 3, 4}};
  CHECK(diva::adjust_hue(gray, 0.2) == gray);
  CHECK(diva::adjust_saturation(gray, 0) == gray);
  CHECK(diva::to_gray(gray) == gray);
  for (const auto& change : {diva::adjust_brightness, diva::adjust_contrast, diva::adjust_saturation})
    CHECK(change(photo(), 1) == photo());
}

TEST_CASE("gaussian_blur spreads a point by its kernel, by hand, and keeps what is constant") {
  // exp(-1/2) = .60653: weights .27407, .45186, .27407. A point of 200 in the middle: 200 · products of them.
  Image point{5, 5, 1, std::vector<std::uint8_t>(25, 0)};
  point.pixels[12] = 200;
  const auto blurred = diva::gaussian_blur(point, 3, 1);
  CHECK(blurred.pixels[12] == 41);  // 200 · .20418
  CHECK(blurred.pixels[11] == 25);  // 200 · .12384
  CHECK(blurred.pixels[6] == 15);   // 200 · .07511
  CHECK(blurred.pixels[10] == 0);
  // At a border the neighbour inside counts twice: .45186 · 200 + 2 · .27407 · 100 = 145.2.
  CHECK(diva::gaussian_blur(Image{3, 3, 1, {200, 100, 0, 200, 100, 0, 200, 100, 0}}, 3, 1).pixels[0] == 145);
  for (const int grey : {0, 1, 128, 255}) {
    const Image flat{30, 40, 3, std::vector<std::uint8_t>(3600, static_cast<std::uint8_t>(grey))};
    CHECK(diva::gaussian_blur(flat, 23, 2.5) == flat);
  }
  CHECK(diva::gaussian_blur(photo(), 1, 3) == photo());
}

TEST_CASE("color_jitter takes each factor from its range and every order, and leaves out what has no range") {
  CHECK(diva::color_jitter(photo(), {}, *std::make_unique<Generator>(1)) == photo());
  // Brightness alone of a grey pixel of 100: uniform in [60, 140).
  double sum = 0;
  int smallest = 255, largest = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Generator generator(seed);
    const int grey = diva::color_jitter(Image{1, 1, 1, {100}}, {.brightness = 0.4}, generator).pixels[0];
    sum += grey;
    smallest = std::min(smallest, grey);
    largest = std::max(largest, grey);
  }
  CHECK((smallest >= 60 && smallest <= 61 && largest >= 138 && largest <= 140));
  CHECK_THAT(sum / 2000, WithinAbs(99.5, 2.6));  // 5 standard deviations of 23.1 / √2000
  // A factor never falls below 0.
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Generator generator(seed);
    REQUIRE_NOTHROW(diva::color_jitter(photo(), {.brightness = 3, .contrast = 2, .saturation = 5, .hue = 0.5}, generator));
  }
}

TEST_CASE("random_erasing_box has its share and proportion, and nothing where nothing fits") {
  const diva::RandomErasingOptions options{.min_area = 0.1, .max_area = 0.3, .min_ratio = 0.5, .max_ratio = 2};
  std::set<std::int64_t> tops;
  double share = 0;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    Generator generator(seed);
    const auto box = diva::random_erasing_box(200, 240, options, generator);
    REQUIRE((box.top >= 0 && box.left >= 0 && box.top + box.height <= 200 && box.left + box.width <= 240));
    const double ratio = static_cast<double>(box.height) / static_cast<double>(box.width);
    REQUIRE((ratio > 0.49 && ratio < 2.05));
    share += static_cast<double>(box.height * box.width) / (200 * 240) / 3000;
    tops.insert(box.top);
  }
  CHECK_THAT(share, WithinAbs(0.2, 0.01));
  CHECK(tops.size() > 100);
  Generator generator(1);
  CHECK(diva::random_erasing_box(2, 2000, {.min_area = 0.9, .max_area = 1, .min_ratio = 1, .max_ratio = 1}, generator) == Box{});
}

TEST_CASE("erase fills its box and nothing else") {
  const auto untouched = photo();
  for (const auto fill : {diva::ErasingFill::mean, diva::ErasingFill::black, diva::ErasingFill::noise}) {
    auto image = untouched;
    Generator generator(5);
    diva::erase(image, {3, 4, 10, 20}, fill, {0.5, 0.2, 1}, {0.1, 0.1, 0.1}, generator);
    double red = 0;
    for (std::int64_t y = 0; y < image.height; ++y) {
      for (std::int64_t x = 0; x < image.width; ++x) {
        const bool inside = y >= 3 && y < 13 && x >= 4 && x < 24;
        const auto* now = &image.pixels[static_cast<std::size_t>((y * image.width + x) * 3)];
        const auto* before = &untouched.pixels[static_cast<std::size_t>((y * image.width + x) * 3)];
        if (!inside) REQUIRE(std::equal(now, now + 3, before));
        if (inside) red += now[0] / 200.0;
        if (inside && fill == diva::ErasingFill::mean) REQUIRE((now[0] == 128 && now[1] == 51 && now[2] == 255));
        if (inside && fill == diva::ErasingFill::black) REQUIRE((now[0] == 0 && now[1] == 0 && now[2] == 0));
      }
    }
    if (fill == diva::ErasingFill::noise) CHECK_THAT(red, WithinAbs(127.5, 9));  // 5 · 25.5 / √200
  }
  auto image = untouched;
  Generator generator(5);
  diva::erase(image, {}, diva::ErasingFill::black, {0, 0, 0}, {1, 1, 1}, generator);
  CHECK(image == untouched);
  CHECK_THROWS_AS(diva::erase(image, {0, 0, 99, 1}, diva::ErasingFill::black, {0, 0, 0}, {1, 1, 1}, generator), diva::OptionError);
  CHECK_THROWS_AS(diva::erase(image, {0, 0, 1, 1}, diva::ErasingFill::black, {0}, {1}, generator), diva::ShapeError);
}

TEST_CASE("colour transforms check their arguments") {
  const Image broken{2, 2, 3, {1, 2, 3}};
  Generator generator(1);
  CHECK_THROWS_AS(diva::to_gray(broken), diva::ShapeError);
  CHECK_THROWS_AS(diva::adjust_hue(broken, 0), diva::ShapeError);
  CHECK_THROWS_AS(diva::adjust_brightness(photo(), -0.1), diva::OptionError);
  CHECK_THROWS_AS(diva::adjust_contrast(photo(), std::nan("")), diva::OptionError);
  CHECK_THROWS_WITH(diva::adjust_hue(photo(), 0.6), "adjust_hue: shift must be in [-0.5, 0.5], got 0.6");
  CHECK_THROWS_AS(diva::color_jitter(photo(), {.hue = 0.7}, generator), diva::OptionError);
  CHECK_THROWS_AS(diva::gaussian_blur(photo(), 4, 1), diva::OptionError);
  CHECK_THROWS_AS(diva::gaussian_blur(photo(), 95, 1), diva::OptionError);  // 47 rows
  CHECK_THROWS_AS(diva::gaussian_blur(photo(), 3, 0), diva::OptionError);
}
