#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/files.hpp>
#include <diva/core/generator.hpp>
#include <diva/data/image_source.hpp>

#include <cmath>
#include <cstdlib>
#include <utility>

#include "support/source_file.hpp"

using Catch::Matchers::Contains;
using diva::Box;
using diva::Image;
using diva::ImageSource;
using diva::Interpolation;

namespace {

const std::string photographs = source_file("tests/fixtures/images/grocery/");

std::vector<std::uint8_t> photograph() { return diva::read_file(photographs + "train_Banana_039.jpg"); }

Box random_box(std::int64_t height, std::int64_t width, diva::Generator& generator) {
  Box box{.height = 1 + generator.below(height), .width = 1 + generator.below(width)};
  box.top = generator.below(height - box.height + 1);
  box.left = generator.below(width - box.width + 1);
  return box;
}

diva::ResizeOptions random_options(std::int64_t height, std::int64_t width, diva::Generator& generator) {
  diva::ResizeOptions options{.height = 1 + generator.below(250), .width = 1 + generator.below(250)};
  options.source = random_box(height, width, generator);
  if (generator.below(2) == 0) options.window = random_box(options.height, options.width, generator);
  options.interpolation = generator.below(2) == 0 ? Interpolation::bilinear : Interpolation::bicubic;
  return options;
}

struct Difference {
  double mean = 0;
  int largest = 0;
};

Difference difference(const Image& a, const Image& b) {
  REQUIRE(a.pixels.size() == b.pixels.size());
  Difference result;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) {
    const int step = std::abs(int{a.pixels[i]} - int{b.pixels[i]});
    result.mean += static_cast<double>(step) / static_cast<double>(a.pixels.size());
    result.largest = std::max(result.largest, step);
  }
  return result;
}

}  // namespace

TEST_CASE("image_source resizes a part as from the whole image, bit by bit, from a JPEG, a PNG and a decoded image") {
  const auto whole = diva::decode_image(photograph(), "photo");
  const ImageSource jpeg(photograph(), "photo"), png(diva::encode_png(whole), "photo"),
      decoded(std::make_shared<const Image>(whole));
  for (const auto* source : {&jpeg, &png, &decoded}) {
    CHECK(source->height() == 348);
    CHECK(source->width() == 348);
    CHECK(source->channels() == 3);
  }
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    diva::Generator generator(seed);
    const auto options = random_options(348, 348, generator);
    INFO("seed " << seed);
    const auto expected = diva::resize(whole, options);
    REQUIRE(jpeg.resize(options) == expected);
    if (seed < 20) REQUIRE(png.resize(options) == expected);
    REQUIRE(decoded.resize(options) == expected);
  }
  // No change of size is a crop.
  CHECK(jpeg.resize({.height = 50, .width = 60, .source = {7, 9, 50, 60}}) == diva::crop(whole, {7, 9, 50, 60}));
  const ImageSource gray(photograph(), "photo", {.channels = 1});
  CHECK(gray.resize({.height = 20, .width = 30}) ==
        diva::resize(diva::decode_image(photograph(), "photo", 1), {.height = 20, .width = 30}));
}

TEST_CASE("image_source with a box is the source that was cropped first") {
  const Box box{21, 34, 200, 150};
  const auto cropped = diva::crop(diva::decode_image(photograph(), "photo"), box);
  const ImageSource jpeg(photograph(), "photo", {.box = box}),
      png(diva::encode_png(diva::decode_image(photograph(), "photo")), "photo", {.box = box});
  CHECK(jpeg.height() == 200);
  CHECK(jpeg.width() == 150);
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    diva::Generator generator(seed);
    const auto options = random_options(200, 150, generator);
    INFO("seed " << seed);
    REQUIRE(jpeg.resize(options) == diva::resize(cropped, options));
    REQUIRE(png.resize(options) == diva::resize(cropped, options));
  }
}

TEST_CASE("image_source that may reduce comes near the resize of the whole image") {
  const auto whole = diva::decode_image(photograph(), "photo");
  const ImageSource reduced(photograph(), "photo", {.reduce = true});
  double worst = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    diva::Generator generator(seed);
    const auto size = 8 + generator.below(60);
    diva::ResizeOptions options{.height = size, .width = size + generator.below(9)};
    options.source = random_box(348 - 160, 348 - 160, generator);
    options.source.height += 160;
    options.source.width += 160;
    if (seed % 3 == 0) options.window = random_box(options.height, options.width, generator);
    if (seed % 2 == 0) options.interpolation = Interpolation::bicubic;
    INFO("seed " << seed);
    const auto [mean, largest] = difference(reduced.resize(options), diva::resize(whole, options));
    worst = std::max(worst, mean);
    REQUIRE(largest <= 48);  // at single pixels of hard edges
  }
  CHECK(worst < 4);
  // Where nothing can be left out, nothing differs.
  const diva::ResizeOptions large{.height = 224, .width = 224, .source = {0, 0, 348, 348}};
  CHECK(reduced.resize(large) == diva::resize(whole, large));
}

TEST_CASE("image_source names the file that is damaged, at once or when the part is asked for, and checks its options") {
  CHECK_THROWS_WITH(ImageSource({1, 2, 3}, "x.jpg"), Contains("x.jpg"));
  auto half = photograph();
  half.resize(half.size() / 2);
  const ImageSource source(half, "half.jpg");
  CHECK_NOTHROW(source.resize({.height = 10, .width = 10, .source = {0, 0, 40, 348}}));
  CHECK_THROWS_AS(source.resize({.height = 10, .width = 10}), diva::IoError);
  CHECK_THROWS_WITH(source.resize({.height = 10, .width = 10}), Contains("half.jpg"));
  CHECK_THROWS_AS(source.resize({.height = 0, .width = 10}), diva::OptionError);
  CHECK_THROWS_AS(source.resize({.height = 4, .width = 4, .source = {0, 0, 349, 1}}), diva::OptionError);
  CHECK_THROWS_AS(source.resize({.height = 4, .width = 4, .window = {0, 0, 5, 1}}), diva::OptionError);
  CHECK_THROWS_AS(ImageSource(photograph(), "x", {.box = {0, 0, 349, 10}}), diva::OptionError);
  CHECK_THROWS_AS(ImageSource(photograph(), "x", {.channels = 2}), diva::OptionError);
  CHECK_THROWS_AS(ImageSource(nullptr), diva::ShapeError);
  CHECK_THROWS_AS(ImageSource(std::make_shared<const Image>()), diva::ShapeError);
}
