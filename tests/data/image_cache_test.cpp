#include "support/catch.hpp"

#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/data/image_cache.hpp>
#include <diva/data/image_transforms.hpp>
#include "data/image_folder.hpp"

using Catch::Matchers::Contains;
using diva::Dataset;
using diva::ImageStore;

namespace {

Dataset make_images(const ImageFolder& folder, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) folder.write_image(fmt::format("c{}/{}.png", i % 3, i), i);
  return diva::folder_of_classes(folder.path());
}

}  // namespace

TEST_CASE("image_cache gives the same images from memory and from files") {
  const ImageFolder folder;
  const auto dataset = make_images(folder, 20);
  for (const std::int64_t channels : {1, 3}) {
    for (const std::int64_t short_side : {0, 6, 9}) {
      const ImageStore files(dataset, {.channels = channels, .short_side = short_side});
      const ImageStore memory(dataset, {.channels = channels, .short_side = short_side, .cache = true});
      std::int64_t bytes = 0;
      for (std::int64_t i = 0; i < 20; ++i) {
        const auto image = files.image(i);
        REQUIRE(*image == *memory.image(i));
        REQUIRE(image->channels == channels);
        bytes += static_cast<std::int64_t>(image->pixels.size());
        const auto full = diva::read_image(dataset.samples[static_cast<std::size_t>(i)].path, channels);
        const auto full_side = std::min(full.height, full.width);
        if (short_side == 0 || full_side <= short_side) {
          REQUIRE(*image == full);
        } else {
          REQUIRE(std::min(image->height, image->width) == short_side);
        }
      }
      CHECK(memory.cached_bytes() == bytes);
      CHECK(files.cached_bytes() == 0);
      CHECK(memory.image(3) == memory.image(3));  // one image, no copies
    }
  }
}

TEST_CASE("image_cache reports progress up to the total, one call at a time") {
  const ImageFolder folder;
  const auto dataset = make_images(folder, 30);
  std::vector<std::int64_t> counts;
  const ImageStore store(dataset, {.cache = true}, [&](std::int64_t done, std::int64_t total) {
    CHECK(total == 30);
    counts.push_back(done);
  });
  REQUIRE(counts.size() == 30);
  for (std::int64_t i = 0; i < 30; ++i) CHECK(counts[static_cast<std::size_t>(i)] == i + 1);
}

TEST_CASE("image_cache refuses a limit that the images exceed and says what they need") {
  const ImageFolder folder;
  const auto dataset = make_images(folder, 12);
  const auto needed = ImageStore(dataset, {.cache = true}).cached_bytes();
  CHECK_NOTHROW(ImageStore(dataset, {.cache = true, .memory_limit = needed}));
  CHECK_THROWS_AS(ImageStore(dataset, {.cache = true, .memory_limit = needed - 1}), diva::OptionError);
  CHECK_THROWS_WITH(ImageStore(dataset, {.cache = true, .memory_limit = 1000}),
                    Contains("ImageStore: memory_limit must be enough for 12 images") && Contains("MiB") && Contains("1000 bytes"));
}

TEST_CASE("image_cache gives up as soon as an estimate shows that the limit is hopeless") {
  const ImageFolder folder;
  const auto dataset = make_images(folder, 400);
  const auto needed = ImageStore(dataset, {.cache = true}).cached_bytes();
  std::int64_t decoded = 0;
  CHECK_THROWS_AS(
      ImageStore(dataset, {.cache = true, .memory_limit = needed / 2}, [&](std::int64_t done, std::int64_t) { decoded = done; }),
      diva::OptionError);
  CHECK(decoded < 70);  // 64 suffice for the estimate; half of the 400 would fit
}

TEST_CASE("image_cache names the file that it cannot read, at the start or when asked") {
  const ImageFolder folder;
  auto dataset = make_images(folder, 9);
  folder.write("c1/4.png", "not a PNG");
  const ImageStore files(dataset);
  CHECK_THROWS_AS(files.image(4), diva::IoError);
  CHECK_THROWS_WITH(files.image(4), Contains("c1/4.png"));
  CHECK_NOTHROW(files.image(0));
  CHECK_THROWS_WITH(ImageStore(dataset, {.cache = true}), Contains("c1/4.png"));
  std::filesystem::remove(folder.path("c1/4.png"));
  CHECK_THROWS_WITH(files.image(4), Contains("c1/4.png"));
  CHECK_THROWS_WITH(ImageStore(dataset, {.cache = true}), Contains("c1/4.png"));
}

TEST_CASE("image_cache checks its options and the index") {
  const ImageFolder folder;
  const auto dataset = make_images(folder, 2);
  CHECK_THROWS_AS(ImageStore(dataset, {.channels = 2}), diva::OptionError);
  CHECK_THROWS_AS(ImageStore(dataset, {.short_side = -1}), diva::OptionError);
  CHECK_THROWS_AS(ImageStore(dataset).image(2), diva::DataError);
  CHECK_THROWS_AS(ImageStore(dataset).image(-1), diva::DataError);
}
