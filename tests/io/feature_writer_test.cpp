#include "support/catch.hpp"

#include <sys/wait.h>
#include <unistd.h>
#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/io/feature_writer.hpp>
#include <diva/io/safetensors.hpp>

#include <csignal>

#include "support/temporary_folder.hpp"

namespace {

/// Batches of sizes 0 to 6, and what they are together.
struct Batches {
  std::vector<torch::Tensor> features, labels;
  torch::Tensor all_features, all_labels;

  Batches(std::int64_t count, std::int64_t dim) {
    diva::Generator generator(5);
    for (std::int64_t i = 0; i < count; ++i) {
      features.push_back(generator.normal({generator.below(7), dim}));
      labels.push_back((generator.uniform({features.back().size(0)}) * 10).to(torch::kInt64));
    }
    all_features = torch::cat(features);
    all_labels = torch::cat(labels);
  }
  void append_to(diva::FeatureWriter& writer) const {
    for (std::size_t i = 0; i < features.size(); ++i) writer.append(features[i], {labels[i], labels[i] + 1});
  }
};

}  // namespace

TEST_CASE("batches become one array with its columns, in memory and in a file that opens again") {
  const Batches batches(40, 3);
  const TemporaryFolder folder;
  for (const auto& path : {std::string(), folder / "store"}) {
    for (const auto type : {diva::FeatureType::float32, diva::FeatureType::float16}) {
      diva::FeatureWriter writer(3, {"labels", "ids"}, {.path = path, .type = type}, {{"classes", "[\"β\"]"}});
      batches.append_to(writer);
      CHECK(writer.rows() == batches.all_features.size(0));
      auto store = writer.finish();
      for (int again = 0; again < 2; ++again) {
        const bool half = type == diva::FeatureType::float16;
        CHECK(store.tensor("features").equal(half ? batches.all_features.to(torch::kFloat16) : batches.all_features));
        CHECK(store.tensor("labels").equal(batches.all_labels));
        CHECK(store.tensor("ids").equal(batches.all_labels + 1));
        CHECK(store.text("classes") == "[\"β\"]");
        CHECK(store.tensors.size() == 3);
        if (!path.empty()) store = again == 0 ? diva::map_safetensors(path) : diva::read_safetensors(path);
      }
    }
  }
  CHECK(folder.entries() == 1);
}

TEST_CASE("a store in memory spans blocks") {
  // 64 MiB hold 16 rows of 2^20 floats.
  diva::FeatureWriter writer(std::int64_t{1} << 20, {});
  for (int i = 0; i < 7; ++i) writer.append(torch::full({5, std::int64_t{1} << 20}, static_cast<double>(i)), {});
  const auto features = writer.finish().tensor("features");
  REQUIRE(features.size(0) == 35);
  CHECK(features.select(1, 77).equal(torch::arange(35).div(5, "floor").to(torch::kFloat32)));
  CHECK(features.select(1, 1048575).equal(features.select(1, 0)));
}

TEST_CASE("a store of no rows is one of no rows") {
  const TemporaryFolder folder;
  for (const auto& path : {std::string(), folder / "store"}) {
    const auto store = diva::FeatureWriter(4, {"labels"}, {.path = path}).finish();
    CHECK(store.tensor("features").sizes() == torch::IntArrayRef({0, 4}));
    CHECK(store.tensor("labels").sizes() == torch::IntArrayRef({0}));
  }
}

TEST_CASE("nothing appears before the end, and a killed writer leaves the old file") {
  const TemporaryFolder folder;
  const auto path = folder / "store";
  {
    diva::FeatureWriter writer(2, {}, {.path = path});
    writer.append(torch::ones({2, 2}), {});
    CHECK_FALSE(std::filesystem::exists(path));
  }
  CHECK(folder.entries() == 0);
  diva::FeatureWriter first(2, {}, {.path = path});
  first.append(torch::ones({2, 2}), {});
  first.finish();
  const auto child = ::fork();
  if (child == 0) {
    diva::FeatureWriter writer(2, {}, {.path = path});
    writer.append(torch::zeros({9, 2}), {});
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  CHECK(diva::map_safetensors(path).tensor("features").equal(torch::ones({2, 2})));
}

TEST_CASE("what does not fit a store is refused, and the store goes on") {
  diva::FeatureWriter writer(2, {"labels"}, {.type = diva::FeatureType::float16});
  const auto label = torch::zeros({1}, torch::kInt64);
  CHECK_THROWS_AS(writer.append(torch::ones({1, 3}), {label}), diva::ShapeError);
  CHECK_THROWS_AS(writer.append(torch::ones({1, 2}, torch::kInt64), {label}), diva::ShapeError);
  CHECK_THROWS_AS(writer.append(torch::ones({1, 2}), {}), diva::ShapeError);
  CHECK_THROWS_AS(writer.append(torch::ones({2, 2}), {label}), diva::ShapeError);
  CHECK_THROWS_AS(writer.append(torch::ones({1, 2}), {label.to(torch::kInt32)}), diva::ShapeError);
  CHECK_THROWS_AS(writer.append(torch::full({1, 2}, NAN), {label}), diva::DataError);
  CHECK_THROWS_AS(writer.append(torch::full({1, 2}, 1e5), {label}), diva::DataError);  // beyond 65504
  writer.append(torch::full({1, 2}, 65504.0), {label});
  CHECK(writer.finish().tensor("features").size(0) == 1);
  CHECK_THROWS_AS(diva::FeatureWriter(0, {}), diva::OptionError);
  CHECK_THROWS_AS(diva::FeatureWriter(1, {"features"}), diva::OptionError);
  CHECK_THROWS_AS(diva::FeatureWriter(1, {"a", "a"}), diva::OptionError);
  CHECK_THROWS_AS(diva::FeatureWriter(1, {}, {.path = "/no/such/folder/store"}), diva::IoError);
}
