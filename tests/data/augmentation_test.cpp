#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/data/augmentation.hpp>

#include <algorithm>
#include <cmath>
#include <memory>

#include "support/source_file.hpp"

using Catch::Matchers::WithinAbs;
using diva::AugmentationOptions;
using diva::Generator;
using diva::Image;
using diva::TrainingCrop;

namespace {

// Grey levels / 255 as they are.
AugmentationOptions plain(std::int64_t size, std::int64_t channels) {
  AugmentationOptions options{.image_size = size, .channels = channels, .evaluation_resize = size};
  options.mean.assign(static_cast<std::size_t>(channels), 0);
  options.standard_deviation.assign(static_cast<std::size_t>(channels), 1);
  return options;
}

std::vector<float> train(const Image& image, const AugmentationOptions& options, Generator generator) {
  std::vector<float> out(static_cast<std::size_t>(options.channels * options.image_size * options.image_size));
  diva::augment(image, options, generator, out.data());
  return out;
}

std::vector<float> evaluate(const Image& image, const AugmentationOptions& options) {
  std::vector<float> out(static_cast<std::size_t>(options.channels * options.image_size * options.image_size));
  diva::evaluation_view(image, options, out.data());
  return out;
}

Image photo() { return diva::read_image(source_file("tests/fixtures/resize/photo.png")); }

}  // namespace

TEST_CASE("evaluation_view normalises each channel into its own plane, by hand") {
  // 51/255 = .2, 102/255 = .4, 255/255 = 1: (.2 - .1)/.5 = .2, (.4 - .2)/.1 = 2, (1 - .5)/.25 = 2.
  auto options = plain(1, 3);
  options.mean = {.1, .2, .5};
  options.standard_deviation = {.5, .1, .25};
  const auto view = evaluate(Image{1, 1, 3, {51, 102, 255}}, options);
  CHECK_THAT(view[0], WithinAbs(.2, 1e-6));
  CHECK_THAT(view[1], WithinAbs(2, 1e-6));
  CHECK_THAT(view[2], WithinAbs(2, 1e-6));
  // Two pixels a row: planes, not interleaved.
  CHECK(evaluate(Image{2, 2, 3, {255, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255}}, plain(2, 3)) ==
        std::vector<float>{1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1});
}

TEST_CASE("invert turns white into black before normalisation") {
  auto options = plain(2, 1);
  options.invert = true;
  CHECK(evaluate(Image{2, 2, 1, {255, 0, 255, 204}}, options)[1] == 1);
  CHECK(evaluate(Image{2, 2, 1, {255, 0, 255, 204}}, options)[0] == 0);
  CHECK_THAT(evaluate(Image{2, 2, 1, {255, 0, 255, 204}}, options)[3], WithinAbs(.2, 1e-6));
}

TEST_CASE("evaluation_view equals torchvision's Resize and CenterCrop on a photograph") {
  auto options = plain(28, 3);
  options.evaluation_resize = 32;
  const auto reference = diva::read_image(source_file("tests/fixtures/resize/evaluation_28x28.png"));
  CHECK(evaluate(photo(), options) == evaluate(reference, plain(28, 3)));
}

TEST_CASE("augment mirrors with the given probability and shows the evaluation view without a crop") {
  auto options = plain(20, 3);
  options.crop = TrainingCrop::none;
  options.horizontal_flip = 0;
  const auto image = photo();
  CHECK(train(image, options, Generator(1)) == evaluate(image, options));
  options.horizontal_flip = 1;
  const auto mirrored = train(image, options, Generator(1));
  auto view = evaluate(image, options);
  for (std::size_t y = 0; y < 3 * 20; ++y)
    std::reverse(view.begin() + static_cast<long>(y * 20), view.begin() + static_cast<long>(y * 20 + 20));
  CHECK(mirrored == view);
  options.horizontal_flip = 0.3;
  int flipped = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) flipped += train(image, options, Generator(seed)) == mirrored;
  CHECK(std::abs(flipped - 600) < 103);  // 5 standard deviations of a binomial(2000, .3)
}

TEST_CASE("augment is a function of its generator") {
  const auto options = plain(16, 3);
  const auto image = photo();
  CHECK(train(image, options, Generator(1)) == train(image, options, Generator(1)));
  CHECK(train(image, options, Generator(1)) != train(image, options, Generator(2)));
}

TEST_CASE("random_resized_crop stays inside and within the ranges of area and proportion") {
  const AugmentationOptions options{.min_crop_area = 0.25, .max_crop_area = 0.75};
  double mean_share = 0, mean_log_ratio = 0;
  constexpr int draws = 4000;
  for (std::uint64_t seed = 0; seed < draws; ++seed) {
    Generator generator(seed);
    const auto box = diva::random_resized_crop(400, 500, options, generator);
    REQUIRE((box.top >= 0 && box.left >= 0 && box.top + box.height <= 400 && box.left + box.width <= 500));
    const double share = static_cast<double>(box.height * box.width) / (400 * 500);
    const double ratio = static_cast<double>(box.width) / static_cast<double>(box.height);
    REQUIRE((share > 0.248 && share < 0.752));  // sides are rounded by up to 1/2 in 200
    REQUIRE((ratio > 0.745 && ratio < 1.342));
    mean_share += share / draws;
    mean_log_ratio += std::log(ratio) / draws;
  }
  // Nearly all boxes fit: mean share 1/2 (sd .144/√4000 = .0023), mean log ratio 0 (sd .166/√4000 = .0026), both slightly moved by
  // the few that do not.
  CHECK_THAT(mean_share, WithinAbs(0.5, 0.02));
  CHECK_THAT(mean_log_ratio, WithinAbs(0, 0.02));
}

TEST_CASE("random_resized_crop falls back to the largest central box when nothing fits") {
  // A tenth of 10 x 1000 at a proportion of at most 4/3 is at least 27 high: never fits. Then 10 x round(10·4/3), centred.
  const AugmentationOptions options{.min_crop_area = 0.1};
  Generator generator(1);
  CHECK(diva::random_resized_crop(10, 1000, options, generator) == diva::Box{0, 494, 10, 13});
  CHECK(diva::random_resized_crop(1000, 10, options, generator) == diva::Box{494, 0, 13, 10});
  CHECK(diva::random_resized_crop(1, 1, options, generator) == diva::Box{0, 0, 1, 1});
}

TEST_CASE("augment draws its affine part within the ranges and brings in the fill") {
  auto options = plain(9, 1);
  options.crop = TrainingCrop::none;
  options.horizontal_flip = 0;
  Image dot{9, 9, 1, std::vector<std::uint8_t>(81, 255)};
  dot.pixels[40] = 0;
  options.affine.fill = 255;
  options.affine.max_translation = 2.0 / 9;  // two pixels
  double largest = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const auto view = train(dot, options, Generator(seed));
    double mass = 0, x = 0;
    for (int i = 0; i < 81; ++i) {
      mass += 1 - view[static_cast<std::size_t>(i)];
      x += (1 - view[static_cast<std::size_t>(i)]) * (i % 9);
    }
    REQUIRE_THAT(mass, WithinAbs(1, 0.02));  // the dot is whole and nothing dark came in
    REQUIRE(std::abs(x / mass - 4) < 2.05);
    largest = std::max(largest, std::abs(x / mass - 4));
  }
  CHECK(largest > 1.9);
  // A scale fixed at 1/2 shrinks a black square of 9 to about 4.5 whatever the seed.
  options.affine = {.min_scale = 0.5, .max_scale = 0.5, .fill = 255};
  const auto small = train(Image{9, 9, 1, std::vector<std::uint8_t>(81, 0)}, options, Generator(0));
  double dark = 0;
  for (const float value : small) dark += 1 - value;
  CHECK_THAT(dark, WithinAbs(25, 1e-4));  // the positions 2 … 6 map into the image
}

TEST_CASE("bytes of views, normalised afterwards, are the floats of the same views, bit by bit") {
  const diva::ImageSource source(std::make_shared<const Image>(photo()));
  for (const auto& name : diva::augmentation_recipe_names()) {
    for (const bool invert : {false, true}) {
      auto options = diva::augmentation_recipe(name);
      options.image_size = 24;
      options.evaluation_resize = 28;
      options.invert = invert;
      options.erasing.probability = 0.5;
      options.quarter_turns = 0.5;
      for (std::uint64_t seed = 0; seed < 12; ++seed) {
        INFO(name << ", seed " << seed);
        auto floats = torch::empty({1, 3, 24, 24});
        auto bytes = torch::empty({1, 3, 24, 24}, torch::kUInt8);
        Generator one(seed), other(seed);
        diva::augment(source, options, one, floats.data_ptr<float>());
        diva::augment(source, options, other, bytes.data_ptr<std::uint8_t>());
        REQUIRE(torch::equal(diva::normalise(bytes, options), floats));
        REQUIRE(one.position() == other.position());
      }
      auto floats = torch::empty({1, 3, 24, 24});
      auto bytes = torch::empty({1, 3, 24, 24}, torch::kUInt8);
      diva::evaluation_view(source, options, floats.data_ptr<float>());
      diva::evaluation_view(source, options, bytes.data_ptr<std::uint8_t>());
      CHECK(torch::equal(diva::normalise(bytes, options), floats));
      CHECK(diva::normalise(floats, options).is_same(floats));
    }
  }
  const auto options = plain(4, 3);
  CHECK_THROWS_AS(diva::normalise(torch::zeros({1, 1, 4, 4}, torch::kUInt8), options), diva::ShapeError);
  CHECK_THROWS_AS(diva::normalise(torch::zeros({3, 4, 4}, torch::kUInt8), options), diva::ShapeError);
  CHECK_THROWS_AS(diva::normalise(torch::zeros({1, 3, 4, 4}, torch::kInt64), options), diva::ShapeError);
  CHECK(diva::normalise(torch::zeros({0, 3, 4, 4}, torch::kUInt8), options).size(0) == 0);
}

TEST_CASE("the recipe bn_inception gives planes B, G, R of levels 0 to 255 less their means, by hand") {
  auto options = diva::augmentation_recipe("bn_inception");
  options.image_size = options.evaluation_resize = 1;
  const auto view = evaluate(Image{1, 1, 3, {200, 100, 50}}, options);
  CHECK_THAT(view[0], WithinAbs(50 - 104, 1e-4));
  CHECK_THAT(view[1], WithinAbs(100 - 117, 1e-4));
  CHECK_THAT(view[2], WithinAbs(200 - 128, 1e-4));
}

TEST_CASE("steps that are off draw nothing, and each takes place as often as it should") {
  auto options = plain(20, 3);
  options.crop = TrainingCrop::none;
  options.horizontal_flip = 0;
  const auto image = photo();
  const auto view = evaluate(image, options);
  // How many of 1000 views differ from the plain one when a step has probability 0.3.
  const auto changed = [&](const auto& change) {
    auto changed_options = options;
    change(changed_options);
    int count = 0;
    for (std::uint64_t seed = 0; seed < 1000; ++seed) count += train(image, changed_options, Generator(seed)) != view;
    return count;
  };
  CHECK(changed([](auto&) {}) == 0);
  for (const int count : {changed([](auto& o) { o.quarter_turns = 0.3; }), changed([](auto& o) { o.grayscale = 0.3; }),
                          changed([](auto& o) { o.blur = {.probability = 0.3, .kernel_size = 5, .min_sigma = 1}; }),
                          changed([](auto& o) { o.color_jitter = {.probability = 0.3, .brightness = 0.5}; }),
                          changed([](auto& o) { o.erasing.probability = 0.3; })}) {
    CHECK(std::abs(count - 300) < 73);  // 5 standard deviations of a binomial(1000, .3)
  }
  // A later step leaves the crop as it was.
  options.crop = TrainingCrop::random_resized;
  auto gray = options;
  gray.grayscale = 1;
  const auto colour = train(image, options, Generator(9)), grey = train(image, gray, Generator(9));
  for (std::size_t i = 0; i < 400; ++i) {
    const double luminance = 0.299 * colour[i] + 0.587 * colour[400 + i] + 0.114 * colour[800 + i];
    REQUIRE_THAT(grey[i], WithinAbs(luminance, 0.51 / 255));
    REQUIRE(grey[i] == grey[800 + i]);
  }
}

TEST_CASE("augmentation recipes have names, and the standard one is the default") {
  CHECK(diva::augmentation_recipe_names() == std::vector<std::string>{"standard", "realistic", "simclr", "bn_inception"});
  for (const auto& name : diva::augmentation_recipe_names()) CHECK_NOTHROW(diva::validate(diva::augmentation_recipe(name)));
  CHECK(train(photo(), diva::augmentation_recipe("standard"), Generator(3)) == train(photo(), {}, Generator(3)));
  CHECK(train(photo(), diva::augmentation_recipe("realistic"), Generator(3)) != train(photo(), {}, Generator(3)));
  CHECK_THROWS_WITH(diva::augmentation_recipe("realistik"), Catch::Matchers::Contains("realistic"));
}

TEST_CASE("augmentation options are checked") {
  const auto image = photo();
  auto options = plain(8, 3);
  options.evaluation_resize = 7;
  CHECK_THROWS_WITH(evaluate(image, options), "AugmentationOptions: evaluation_resize must be at least image_size = 8, got 7");
  options = plain(8, 1);
  CHECK_THROWS_AS(train(image, options, Generator(0)), diva::ShapeError);  // three channels came
  options = plain(8, 3);
  options.mean = {0.5};
  CHECK_THROWS_AS(diva::validate(options), diva::OptionError);
  options = plain(8, 3);
  options.min_crop_area = 0.9;
  options.max_crop_area = 0.8;
  CHECK_THROWS_AS(diva::validate(options), diva::OptionError);
  options = plain(8, 3);
  options.affine.max_scale = 0.5;
  CHECK_THROWS_AS(diva::validate(options), diva::OptionError);
  options = plain(8, 3);
  options.standard_deviation[1] = 0;
  CHECK_THROWS_AS(diva::validate(options), diva::OptionError);
  options = plain(8, 3);
  options.channels = 2;
  CHECK_THROWS_AS(diva::validate(options), diva::OptionError);
  options = plain(8, 3);
  options.blur = {.probability = 1, .kernel_size = 17};  // mirrors reach 8 pixels, and there are 8
  CHECK_THROWS_AS(diva::validate(options), diva::OptionError);
  options.blur.kernel_size = 15;
  CHECK_NOTHROW(diva::validate(options));
  options.blur.kernel_size = 4;
  CHECK_THROWS_AS(diva::validate(options), diva::OptionError);
  options = plain(8, 3);
  options.erasing.max_ratio = 0.1;
  CHECK_THROWS_AS(diva::validate(options), diva::OptionError);
  options = plain(8, 3);
  options.color_jitter.hue = 0.6;
  CHECK_THROWS_AS(diva::validate(options), diva::OptionError);
  CHECK_NOTHROW(diva::validate(AugmentationOptions{}));
}
