#include "support/catch.hpp"

#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/core/files.hpp>
#include <diva/data/image_cache.hpp>
#include <diva/data/image_transforms.hpp>
#include "data/image_folder.hpp"

#include <chrono>

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

TEST_CASE("image_cache keeps decoded images on disk, and makes anew what is damaged, older or read another way") {
  const ImageFolder folder, kept;
  const auto dataset = make_images(folder, 12);
  const diva::ImageStoreOptions options{.short_side = 7, .disk_cache = kept.path("cache")};
  const ImageStore plain(dataset, {.short_side = 7});
  const auto files = [&] {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(kept.path("cache"))) {
      if (entry.is_regular_file()) found.push_back(entry.path());
    }
    return found;
  };
  const auto same = [&](const ImageStore& store) {
    for (std::int64_t i = 0; i < 12; ++i) REQUIRE(*store.image(i) == *plain.image(i));
  };
  same(ImageStore(dataset, options));
  REQUIRE(files().size() == 12);
  same(ImageStore(dataset, options));
  CHECK(files().size() == 12);

  // What comes from the cache is not decoded: a file whose pixels change while size and time stay is not noticed.
  const auto path = dataset.samples[0].path;
  const auto time = std::filesystem::last_write_time(path);
  const auto bytes = diva::read_file(path);
  folder.write(std::filesystem::relative(path, folder.path()).string(), std::string(bytes.size(), 'x'));
  std::filesystem::last_write_time(path, time);
  const ImageStore store(dataset, options);
  CHECK_NOTHROW(store.image(0));
  // Every byte of every cached file: damage is never shown.
  for (const auto& file : files()) {
    auto damaged = diva::read_file(file.string());
    damaged[damaged.size() * 2 / 3] ^= 1;
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char*>(damaged.data()), static_cast<std::streamsize>(damaged.size()));
  }
  CHECK_THROWS_WITH(store.image(0), Contains(path));
  for (std::int64_t i = 1; i < 12; ++i) REQUIRE(*store.image(i) == *plain.image(i));
  for (const auto& file : files()) std::filesystem::resize_file(file, 20);
  for (std::int64_t i = 1; i < 12; ++i) REQUIRE(*store.image(i) == *plain.image(i));

  // A newer file has another name in the cache.
  folder.write(std::filesystem::relative(path, folder.path()).string(), {bytes.begin(), bytes.end()});
  std::filesystem::last_write_time(path, time + std::chrono::seconds(5));
  same(ImageStore(dataset, options));
  const ImageStore gray(dataset, {.channels = 1, .short_side = 7, .disk_cache = kept.path("cache")});
  CHECK(gray.image(3)->channels == 1);
}

TEST_CASE("image_cache on disk stays within its limit, and a folder that cannot be made is an error") {
  const ImageFolder folder, kept;
  const auto dataset = make_images(folder, 12);
  const auto bytes = [&] {
    std::uintmax_t sum = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(kept.path())) {
      if (entry.is_regular_file()) sum += entry.file_size();
    }
    return sum;
  };
  for (int again = 0; again < 2; ++again) {
    const ImageStore store(dataset, {.disk_cache = kept.path(), .disk_limit = 1000});
    for (std::int64_t i = 0; i < 12; ++i)
      REQUIRE(*store.image(i) == diva::read_image(dataset.samples[static_cast<std::size_t>(i)].path));
    CHECK(bytes() <= 1000);
    CHECK(bytes() > 300);
  }
  folder.write("file", "");
  CHECK_THROWS_AS(ImageStore(dataset, {.disk_cache = folder.path("file/cache")}), diva::IoError);
  CHECK_THROWS_AS(ImageStore(dataset, {.disk_limit = -1}), diva::OptionError);
}

TEST_CASE("image_cache shows the box of a sample as its image, from files, memory and disk") {
  const ImageFolder folder, kept;
  auto dataset = make_images(folder, 6);
  const auto whole = diva::read_image(dataset.samples[2].path);
  dataset.samples[2].box = {1, 2, 5, 6};
  const auto expected = diva::crop(whole, {1, 2, 5, 6});
  for (const diva::ImageStoreOptions& options :
       {diva::ImageStoreOptions{}, {.cache = true}, {.disk_cache = kept.path()}, {.disk_cache = kept.path()}}) {
    const ImageStore store(dataset, options);
    CHECK(*store.image(2) == expected);
    const auto source = store.source(2);
    CHECK((source.height() == 5 && source.width() == 6));
    CHECK(source.resize({.height = 3, .width = 4}) == diva::resize(expected, {.height = 3, .width = 4}));
    CHECK(store.source(2, true).resize({.height = 3, .width = 4}) == diva::resize(expected, {.height = 3, .width = 4}));
  }
  CHECK_THROWS_AS(ImageStore(dataset).source(6), diva::DataError);
}

TEST_CASE("image_cache checks its options and the index") {
  const ImageFolder folder;
  const auto dataset = make_images(folder, 2);
  CHECK_THROWS_AS(ImageStore(dataset, {.channels = 2}), diva::OptionError);
  CHECK_THROWS_AS(ImageStore(dataset, {.short_side = -1}), diva::OptionError);
  CHECK_THROWS_AS(ImageStore(dataset).image(2), diva::DataError);
  CHECK_THROWS_AS(ImageStore(dataset).image(-1), diva::DataError);
}
