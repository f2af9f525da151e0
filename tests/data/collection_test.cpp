#include "support/catch.hpp"

#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/data/collection.hpp>
#include "data/image_folder.hpp"

using Catch::Matchers::Contains;

namespace {

/// Two classes in CUB's layout, below `inner`.
void write_cub(const ImageFolder& folder, const std::string& inner = "") {
  for (int i = 0; i < 4; ++i) folder.write_image(fmt::format("{}images/00{}.Bird/{}.png", inner, 1 + i / 2, i), i);
}

}  // namespace

TEST_CASE("read_dataset finds a data set in its folder, or in one of its name inside") {
  for (const std::string inner : {"", "cub200/", "CUB_200_2011/"}) {
    const ImageFolder folder;
    write_cub(folder, inner);
    INFO("'" << inner << "'");
    const auto split = diva::read_dataset("cub200", folder.path());
    CHECK(split.train.class_names == std::vector<std::string>{"001.Bird"});
    CHECK(split.test.class_names == std::vector<std::string>{"002.Bird"});
    CHECK((diva::counts_of(split) == diva::SplitCounts{2, 1, 2, 1}));
    CHECK(diva::guess_dataset(folder.path()) == "cub200");
  }
  const ImageFolder folder;
  folder.write("my.csv", "label,path,split\n1,a.jpg,train\n2,a.jpg,validation\n");
  folder.write("a.jpg", "");
  CHECK(diva::read_dataset("csv", folder.path()).test.size() == 1);
  CHECK(diva::read_dataset("csv", folder.path("my.csv")).test.size() == 1);
  folder.write("other.csv", "");
  CHECK_THROWS_WITH(diva::read_dataset("csv", folder.path()), Contains("a folder with 2"));
  CHECK_THROWS_AS(diva::read_dataset("cub20", folder.path()), diva::OptionError);
  CHECK_THROWS_WITH(diva::read_dataset("cub20", folder.path()), Contains("cub200"));
}

TEST_CASE("guess_dataset tells layouts apart by their lists and folders") {
  const auto guess = [](const std::string& file) {
    const ImageFolder folder;
    folder.write(file, "");
    return diva::guess_dataset(folder.path());
  };
  CHECK(guess("images.txt") == "cub200");
  CHECK(guess("images/a/1.jpg") == "cub200");
  CHECK(guess("cars_annos.mat") == "cars196");
  CHECK(guess("Ebay_train.txt") == "online_products");
  CHECK(guess("Info_Files/Ebay_train.txt") == "online_products");
  CHECK(guess("list_eval_partition.txt") == "in-shop");
  CHECK(guess("Eval/list_eval_partition.txt") == "in-shop");
  CHECK(guess("images_background/Greek/character01/1.png") == "omniglot");
  CHECK(guess("online_products/x.txt") == "online_products");
  CHECK(guess("a/1.jpg") == "folder");
  const ImageFolder folder;
  folder.write("my.csv", "");
  CHECK(diva::guess_dataset(folder.path("my.csv")) == "csv");
}

TEST_CASE("every known data set can be read by its name, and a tolerant reading of nothing tells so") {
  const ImageFolder folder;
  folder.make_folder("empty");
  for (const auto& known : diva::known_datasets()) {
    INFO(known.name);
    CHECK_THROWS_AS(diva::read_dataset(known.name, folder.path("empty")), diva::Error);
    CHECK_FALSE(known.layout.empty());
  }
  folder.write("one/1.png", "");
  const auto split = diva::read_dataset("folder", folder.path(), {.tolerant = true});
  CHECK(split.train.size() == 1);
  REQUIRE(split.train.faults.size() == 2);  // the empty class, and too few classes
  CHECK_THAT(split.train.faults[1], Contains("at least 2 classes"));
}

TEST_CASE("undecodable_images names every bad file, in order, and a box that leaves its image") {
  const ImageFolder folder;
  for (int i = 0; i < 40; ++i) folder.write_image(fmt::format("c{}/{:02}.png", i / 20, i), i);
  auto dataset = diva::folder_of_classes(folder.path());
  std::vector<std::int64_t> counts;
  CHECK(diva::undecodable_images(dataset, [&](std::int64_t done, std::int64_t total) {
          CHECK(total == 40);
          counts.push_back(done);
        }).empty());
  CHECK(counts.size() == 40);
  CHECK(counts.back() == 40);
  folder.write("c0/03.png", "no image");
  folder.write("c1/31.png", "");
  std::filesystem::remove(folder.path("c0/15.png"));
  dataset.samples[25].box = {0, 0, 200, 1};
  const auto faults = diva::undecodable_images(dataset);
  REQUIRE(faults.size() == 4);
  CHECK(faults[0].index == 3);
  CHECK_THAT(faults[0].message, Contains("03.png"));
  CHECK(faults[1].path == folder.path("c0/15.png"));
  CHECK(faults[2].index == 25);
  CHECK_THAT(faults[2].message, Contains("leaves the image"));
  CHECK_THAT(faults[3].message, Contains("31.png") && Contains("empty"));
}
