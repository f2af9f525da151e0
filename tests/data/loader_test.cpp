#include "support/catch.hpp"

#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/core/files.hpp>
#include <diva/data/loader.hpp>
#include "data/image_folder.hpp"
#include "support/source_file.hpp"

#include <chrono>
#include <optional>
#include <thread>

using Catch::Matchers::Contains;
using diva::AugmentationOptions;
using diva::Batch;
using diva::Generator;
using diva::ImageStore;
using diva::Loader;

namespace {

AugmentationOptions small_views() { return {.image_size = 6, .affine = {.max_rotation_degrees = 20}, .evaluation_resize = 7}; }

std::shared_ptr<const ImageStore> make_store(const ImageFolder& folder, std::int64_t count,
                                             const diva::ImageStoreOptions& options = {}) {
  for (std::int64_t i = 0; i < count; ++i) folder.write_image(fmt::format("c{}/{}.png", i / 4, i % 4), i);
  return std::make_shared<ImageStore>(diva::folder_of_classes(folder.path()), options);
}

// Batches of different sizes over samples 0 … 23.
std::vector<std::vector<std::int64_t>> some_batches() {
  Generator generator(4);
  std::vector<std::vector<std::int64_t>> batches;
  for (std::int64_t b = 0; b < 12; ++b) {
    std::vector<std::int64_t> batch;
    for (std::int64_t i = 0; i < 1 + b % 5; ++i) batch.push_back(generator.below(24));
    batches.push_back(batch);
  }
  return batches;
}

std::vector<Batch> all(Loader& loader) {
  std::vector<Batch> batches;
  while (auto batch = loader.next()) batches.push_back(*batch);
  return batches;
}

void require_equal(const Batch& a, const Batch& b) {
  INFO("batch " << a.number);
  REQUIRE(a.number == b.number);
  REQUIRE(torch::equal(a.images, b.images));
  REQUIRE(a.second_view.defined() == b.second_view.defined());
  if (a.second_view.defined()) REQUIRE(torch::equal(a.second_view, b.second_view));
  REQUIRE(torch::equal(a.labels, b.labels));
  REQUIRE(torch::equal(a.indices, b.indices));
}

void require_equal(const std::vector<Batch>& a, const std::vector<Batch>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) require_equal(a[i], b[i]);
}

}  // namespace

TEST_CASE("loader gives the batches in order, with the labels and the augmented views of their samples") {
  const ImageFolder folder;
  const auto store = make_store(folder, 24);
  Loader loader(store, small_views(), Generator(7), {.threads = 3, .prefetch = 2, .views = 2});
  CHECK_FALSE(loader.next().has_value());  // nothing was started
  const auto indices = some_batches();
  loader.start_training(5, indices);
  const auto batches = all(loader);
  REQUIRE(batches.size() == indices.size());
  for (std::size_t b = 0; b < indices.size(); ++b) {
    const auto& batch = batches[b];
    const auto size = static_cast<std::int64_t>(indices[b].size());
    REQUIRE(batch.number == static_cast<std::int64_t>(b));
    REQUIRE(batch.images.sizes() == torch::IntArrayRef({size, 3, 6, 6}));
    REQUIRE(batch.images.scalar_type() == torch::kFloat32);
    for (std::int64_t place = 0; place < size; ++place) {
      const auto index = indices[b][static_cast<std::size_t>(place)];
      REQUIRE(batch.indices[place].item<std::int64_t>() == index);
      REQUIRE(batch.labels[place].item<std::int64_t>() == index / 4);
      for (std::uint64_t view = 0; view < 2; ++view) {
        auto expected = torch::empty({3, 6, 6});
        auto generator = Generator(7).fork(5).fork(b).fork(static_cast<std::uint64_t>(place)).fork(view);
        diva::augment(*store->image(index), small_views(), generator, expected.data_ptr<float>());
        REQUIRE(torch::equal((view == 0 ? batch.images : batch.second_view)[place], expected));
      }
    }
    REQUIRE_FALSE(torch::equal(batch.images, batch.second_view));
  }
  CHECK_FALSE(loader.next().has_value());
}

TEST_CASE("loader's batches do not depend on threads, prefetch and cache, bit by bit") {
  const ImageFolder folder;
  const auto files = make_store(folder, 24);
  const std::shared_ptr<const ImageStore> memory =
      std::make_shared<ImageStore>(files->dataset(), diva::ImageStoreOptions{.cache = true});
  Loader reference(files, small_views(), Generator(1), {.threads = 1, .prefetch = 1, .views = 2});
  reference.start_training(2, some_batches());
  const auto expected = all(reference);
  for (const auto& store : {files, memory}) {
    for (const std::int64_t threads : {1, 2, 8}) {
      for (const std::int64_t prefetch : {1, 3, 20}) {
        Loader loader(store, small_views(), Generator(1), {.threads = threads, .prefetch = prefetch, .views = 2});
        loader.start_training(2, some_batches());
        require_equal(all(loader), expected);
      }
    }
  }
  Loader one_view(files, small_views(), Generator(1), {.threads = 2, .views = 1});
  one_view.start_training(2, some_batches());
  const auto single = all(one_view);
  CHECK_FALSE(single[3].second_view.defined());
  CHECK(torch::equal(single[3].images, expected[3].images));  // the first view does not change when a second is asked for
}

TEST_CASE("loader's views of JPEGs are the same from parts of files, from whole images, and from both caches, bit by bit") {
  const ImageFolder folder, kept;
  const auto photo =
      diva::decode_image(diva::read_file(source_file("tests/fixtures/images/grocery/train_Banana_039.jpg")), "photo");
  for (std::int64_t i = 0; i < 24; ++i) {
    const auto jpeg = diva::encode_jpeg(diva::crop(photo, {3 * i, i, 100 + 5 * i, 90 + 7 * i}));
    folder.write(fmt::format("c{}/{}.jpg", i / 4, i), {jpeg.begin(), jpeg.end()});
  }
  const auto dataset = diva::folder_of_classes(folder.path());
  AugmentationOptions views{.image_size = 32, .color_jitter = {.probability = 0.5, .brightness = 0.4, .hue = 0.1}};
  views.evaluation_resize = 36;
  std::optional<std::vector<Batch>> expected;
  for (const diva::ImageStoreOptions& options :
       {diva::ImageStoreOptions{}, {.cache = true}, {.disk_cache = kept.path()}, {.disk_cache = kept.path()}}) {
    for (const std::int64_t threads : {1, 2, 8}) {
      for (const std::int64_t count : {1, 3}) {
        Loader loader(std::make_shared<ImageStore>(dataset, options), views, Generator(1), {.threads = threads, .views = count});
        loader.start_training(2, some_batches());
        const auto batches = all(loader);
        if (!expected) expected = batches;
        for (std::size_t b = 0; b < batches.size(); ++b) {
          REQUIRE(torch::equal(batches[b].images, (*expected)[b].images));
          REQUIRE(batches[b].further_views.size() == (count == 3 ? 1 : 0));
          if (count == 3) REQUIRE_FALSE(torch::equal(batches[b].further_views[0], batches[b].second_view));
        }
        loader.start_evaluation(7);
        const auto tests = all(loader);
        auto view = torch::empty({3, 32, 32});
        diva::evaluation_view(diva::read_image(dataset.samples[9].path), views, view.data_ptr<float>());
        REQUIRE(torch::equal(tests[1].images[2], view));
      }
    }
  }
}

TEST_CASE("loader's bytes, normalised, are its floats") {
  const ImageFolder folder;
  const auto store = make_store(folder, 24);
  Loader floats(store, small_views(), Generator(1), {.threads = 2, .views = 2});
  Loader bytes(store, small_views(), Generator(1), {.threads = 2, .views = 2, .bytes = true});
  floats.start_training(0, some_batches());
  bytes.start_training(0, some_batches());
  const auto one = all(floats), other = all(bytes);
  for (std::size_t b = 0; b < one.size(); ++b) {
    REQUIRE(other[b].images.scalar_type() == torch::kUInt8);
    REQUIRE(torch::equal(diva::normalise(other[b].images, small_views()), one[b].images));
    REQUIRE(torch::equal(diva::normalise(other[b].second_view, small_views()), one[b].second_view));
  }
  floats.start_evaluation(9);
  bytes.start_evaluation(9);
  CHECK(torch::equal(diva::normalise(bytes.next()->images, small_views()), floats.next()->images));
}

TEST_CASE("loader enters an epoch in the middle, and epochs differ") {
  const ImageFolder folder;
  const auto store = make_store(folder, 24);
  Loader loader(store, small_views(), Generator(1), {.threads = 2});
  loader.start_training(0, some_batches());
  const auto whole = all(loader);
  for (const std::int64_t first : {1, 7, 11, 12}) {
    Loader resumed(store, small_views(), Generator(1), {.threads = 3});
    resumed.start_training(0, some_batches(), first);
    require_equal(all(resumed), {whole.begin() + first, whole.end()});
  }
  loader.start_training(1, some_batches());
  CHECK_FALSE(torch::equal(loader.next()->images, whole[0].images));
  loader.start_training(0, some_batches());  // drops what was begun
  require_equal(all(loader), whole);
}

TEST_CASE("loader asks for the indices of a batch in order, at most prefetch ahead, in the consumer's thread") {
  const ImageFolder folder;
  const auto store = make_store(folder, 8);
  Loader loader(store, small_views(), Generator(1), {.threads = 2, .prefetch = 3});
  std::vector<std::int64_t> asked;
  const auto here = std::this_thread::get_id();
  loader.start_training(0, 10, [&](std::int64_t batch) {
    CHECK(std::this_thread::get_id() == here);
    asked.push_back(batch);
    return std::vector<std::int64_t>{batch % 8};
  });
  CHECK(asked == std::vector<std::int64_t>{0, 1, 2});
  loader.next();
  CHECK(asked == std::vector<std::int64_t>{0, 1, 2, 3});
  all(loader);
  CHECK(asked.size() == 10);
}

TEST_CASE("loader's evaluation visits all samples in order, the last batch ragged") {
  const ImageFolder folder;
  const auto store = make_store(folder, 10);
  Loader loader(store, small_views(), Generator(1), {.threads = 3, .views = 2});
  loader.start_evaluation(4);
  const auto batches = all(loader);
  REQUIRE(batches.size() == 3);
  CHECK(batches[2].images.size(0) == 2);
  std::vector<torch::Tensor> indices, images;
  for (const auto& batch : batches) {
    indices.push_back(batch.indices);
    images.push_back(batch.images);
    CHECK_FALSE(batch.second_view.defined());
  }
  CHECK(torch::equal(torch::cat(indices), torch::arange(10)));
  const auto together = torch::cat(images);
  for (std::int64_t i = 0; i < 10; ++i) {
    auto expected = torch::empty({3, 6, 6});
    diva::evaluation_view(*store->image(i), small_views(), expected.data_ptr<float>());
    REQUIRE(torch::equal(together[i], expected));
  }
  loader.start_evaluation(10);
  CHECK(all(loader).size() == 1);
}

TEST_CASE("loader carries an error to the consumer when its batch is due, naming the file, and stays failed until the next start") {
  const ImageFolder folder;
  auto store = make_store(folder, 24);
  folder.write("c2/1.png", "not a PNG");             // sample 9
  std::filesystem::remove(folder.path("c2/3.png"));  // sample 11
  for (const std::int64_t threads : {1, 2, 8}) {
    Loader loader(store, small_views(), Generator(1), {.threads = threads, .prefetch = 4});
    loader.start_training(0, {{0, 1}, {2, 3}, {4, 11, 9}, {5}});
    CHECK(loader.next()->number == 0);
    CHECK(loader.next()->number == 1);
    for (int again = 0; again < 2; ++again) {
      CHECK_THROWS_AS(loader.next(), diva::IoError);
      CHECK_THROWS_WITH(loader.next(), Contains("c2/3.png"));  // the first that fails, whatever the threads
    }
    loader.start_training(0, {{5}});
    CHECK(all(loader).size() == 1);
    loader.start_evaluation(5);
    CHECK_NOTHROW(loader.next());
    CHECK_THROWS_WITH(loader.next(), Contains("c2/1.png"));
  }
}

TEST_CASE("loader ends at once when it is destroyed or started anew in the middle of its work") {
  const ImageFolder folder;
  const auto store = make_store(folder, 24);
  std::vector<std::int64_t> large(20000);
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<std::int64_t>(i % 24);
  using Clock = std::chrono::steady_clock;
  auto start = Clock::now();
  {
    Loader loader(store, small_views(), Generator(1), {.threads = 2});
    loader.start_training(0, {large});
    loader.next();
  }
  const auto one_batch = Clock::now() - start;
  start = Clock::now();
  {
    Loader loader(store, small_views(), Generator(1), {.threads = 2});
    for (int i = 0; i < 20; ++i) loader.start_training(0, {large, large, large, large, large});
  }
  // Nothing but the images in work is waited for; to finish what was begun would take at least the 20 oldest batches.
  CHECK(Clock::now() - start < 10 * one_batch);
}

TEST_CASE("loader checks its options, batches and indices") {
  const ImageFolder folder;
  const auto store = make_store(folder, 4);
  CHECK_THROWS_AS(Loader(store, small_views(), Generator(1), {.threads = -1}), diva::OptionError);
  CHECK_THROWS_AS(Loader(store, small_views(), Generator(1), {.prefetch = 0}), diva::OptionError);
  CHECK_THROWS_AS(Loader(store, small_views(), Generator(1), {.views = 17}), diva::OptionError);
  CHECK_THROWS_AS(Loader(nullptr, small_views(), Generator(1)), diva::OptionError);
  auto gray = small_views();
  gray.channels = 1;
  gray.mean = gray.standard_deviation = {0.5};
  CHECK_THROWS_WITH(Loader(store, gray, Generator(1)), Contains("augmentation.channels"));
  Loader loader(store, small_views(), Generator(1));
  CHECK_THROWS_AS(loader.start_training(-1, {{0}}), diva::OptionError);
  CHECK_THROWS_AS(loader.start_training(0, {{0}}, 2), diva::OptionError);
  CHECK_THROWS_AS(loader.start_training(0, {{0}}, -1), diva::OptionError);
  CHECK_THROWS_AS(loader.start_training(0, {{0}, {}}), diva::DataError);
  CHECK_THROWS_WITH(loader.start_training(0, {{0}, {1, 4}}), Contains("batch 1") && Contains("got 4"));
  CHECK_THROWS_AS(loader.start_evaluation(0), diva::OptionError);
  CHECK_FALSE(loader.next().has_value());
}
