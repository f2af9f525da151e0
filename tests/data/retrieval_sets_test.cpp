#include "support/catch.hpp"

#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/data/retrieval_sets.hpp>
#include <diva/data/splits.hpp>
#include "data/image_folder.hpp"
#include "support/source_file.hpp"

#include <filesystem>
#include <iostream>
#include <set>

using Catch::Matchers::Contains;
using diva::Dataset;
using diva::Sample;

namespace {

const std::string lists = source_file("../shared/data/split_lists/");

bool available(const std::string& path) {
  const bool found = std::filesystem::exists(path);
  if (!found) std::cout << "skipped: " << path << " is not there\n";
  return found;
}

std::string number(std::uint32_t value) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<char>(value >> 8 * i));
  return bytes;
}

std::string element(std::uint32_t type, std::string data) {
  const auto tag = number(type) + number(static_cast<std::uint32_t>(data.size()));
  data.resize((data.size() + 7) / 8 * 8);
  return tag + data;
}

std::string matrix(std::uint32_t kind, std::uint32_t columns, const std::string& name, const std::string& content) {
  return element(14, element(6, number(kind) + number(0)) + element(5, number(1) + number(columns)) + element(1, name) + content);
}

std::string text(const std::string& value) { return matrix(4, static_cast<std::uint32_t>(value.size()), "", element(16, value)); }

/// A file like cars_annos.mat, not compressed.
std::string annotations(const std::vector<std::pair<std::string, int>>& images, const std::vector<std::string>& classes) {
  std::string fields, structs, names;
  for (std::string field : {"relative_im_path", "class"}) {
    field.resize(20);
    fields += field;
  }
  for (const auto& [path, label] : images)
    structs += text(path) + matrix(6, 1, "", element(2, std::string(1, static_cast<char>(label))));
  for (const auto& name : classes) names += text(name);
  std::string header = "MATLAB 5.0 MAT-file";
  header.resize(124, ' ');
  header += std::string("\x00\x01IM", 4);
  return header +
         matrix(2, static_cast<std::uint32_t>(images.size()), "annotations",
                element(5, number(20)) + element(1, fields) + structs) +
         matrix(1, static_cast<std::uint32_t>(classes.size()), "class_names", names);
}

}  // namespace

TEST_CASE("cars196 reads cars_annos.mat, or the folders of the reference code's layout") {
  const ImageFolder folder;
  for (const char* name : {"car_ims/1.jpg", "car_ims/2.jpg", "car_ims/3.jpg"}) folder.write(name, "");
  folder.write("cars_annos.mat", annotations({{"car_ims/2.jpg", 2}, {"car_ims/1.jpg", 1}, {"car_ims/3.jpg", 2}}, {"Audi", "BMW"}));
  const auto dataset = diva::cars196(folder.path());
  CHECK(dataset.name == "cars196");
  CHECK(dataset.class_names == std::vector<std::string>{"Audi", "BMW"});
  CHECK((dataset.samples == std::vector<Sample>{{folder.path("car_ims/1.jpg"), 0},
                                                {folder.path("car_ims/2.jpg"), 1},
                                                {folder.path("car_ims/3.jpg"), 1}}));

  std::filesystem::remove(folder.path("car_ims/3.jpg"));
  CHECK_THROWS_WITH(diva::cars196(folder.path()), Contains("3.jpg") && Contains("cars_annos.mat"));
  const auto tolerant = diva::cars196(folder.path(), {.tolerant = true});
  CHECK(tolerant.size() == 2);
  CHECK(tolerant.faults.size() == 1);
  CHECK(diva::cars196(folder.path(), {.check_files = false}).size() == 3);
  folder.write("cars_annos.mat", annotations({{"car_ims/1.jpg", 3}}, {"Audi", "BMW"}));
  CHECK_THROWS_AS(diva::cars196(folder.path()), diva::DataError);
  folder.write("cars_annos.mat", "no MAT file");
  CHECK_THROWS_AS(diva::cars196(folder.path()), diva::IoError);

  const ImageFolder seed;
  seed.write("images/Audi/1.jpg", "");
  seed.write("images/BMW/2.jpg", "");
  CHECK(diva::cars196(seed.path()).class_names == std::vector<std::string>{"Audi", "BMW"});
  CHECK_THROWS_AS(diva::cars196(seed.path("none")), diva::IoError);
}

TEST_CASE("online_products reads both lists with their super-classes, in either layout") {
  const std::string header = "image_id class_id super_class_id path\n";
  for (const bool seed : {false, true}) {
    INFO("the reference code's layout: " << seed);
    const ImageFolder folder;
    const std::string images = seed ? "images/" : "", info = seed ? "Info_Files/" : "";
    for (const char* name : {"chair_final/1_0.JPG", "chair_final/1_1.JPG", "lamp_final/2_0.JPG", "lamp_final/3_0.JPG"}) {
      folder.write(images + name, "");
    }
    folder.write(info + "Ebay_train.txt",
                 header + "1 10 1 chair_final/1_0.JPG\n2 10 1 chair_final/1_1.JPG\n3 9 2 lamp_final/2_0.JPG\n");
    folder.write(info + "Ebay_test.txt", header + "4 11 2 lamp_final/3_0.JPG\n");
    const auto [train, test] = diva::online_products(folder.path());
    CHECK(train.class_names == std::vector<std::string>{"9", "10"});  // by number
    CHECK(train.category_names == std::vector<std::string>{"chair", "lamp"});
    CHECK((train.samples == std::vector<Sample>{{folder.path(images + "lamp_final/2_0.JPG"), 0, 1},
                                                {folder.path(images + "chair_final/1_0.JPG"), 1, 0},
                                                {folder.path(images + "chair_final/1_1.JPG"), 1, 0}}));
    CHECK(test.class_names == std::vector<std::string>{"11"});
    CHECK((test.samples == std::vector<Sample>{{folder.path(images + "lamp_final/3_0.JPG"), 0, 0}}));

    folder.write(info + "Ebay_test.txt", header + "4 10 2 lamp_final/3_0.JPG\n");
    CHECK_THROWS_WITH(diva::online_products(folder.path()), Contains("class '10'"));
    folder.write(info + "Ebay_test.txt", header + "4 x 2 lamp_final/3_0.JPG\n5 12 2\n6 12 2 lamp_final/gone.JPG\n");
    CHECK_THROWS_AS(diva::online_products(folder.path()), diva::DataError);
    CHECK(diva::online_products(folder.path(), {.tolerant = true}).train.faults.size() == 3);
    std::filesystem::remove(folder.path(info + "Ebay_test.txt"));
    CHECK_THROWS_WITH(diva::online_products(folder.path()), Contains("Ebay_test.txt"));
  }
}

TEST_CASE("in_shop loses no image, and tells queries from the gallery") {
  const ImageFolder folder;
  const std::string items =
      "img/WOMEN/Dresses/id_01/a.jpg id_01 train\nimg/MEN/Denim/id_02/b.jpg    id_02 query\n"
      "img/MEN/Denim/id_02/c.jpg id_02 gallery    \r\n";
  for (const char* name : {"WOMEN/Dresses/id_01/a.jpg", "MEN/Denim/id_02/b.jpg", "MEN/Denim/id_02/c.jpg"}) {
    folder.write("img/" + std::string(name), "");
  }
  folder.write("list_eval_partition.txt", "3\nimage_name item_id evaluation_status\n" + items);
  const auto [train, test] = diva::in_shop(folder.path());
  CHECK((train.samples == std::vector<Sample>{{folder.path("img/WOMEN/Dresses/id_01/a.jpg"), 0, 0}}));  // the first of the list
  CHECK(train.category_names == std::vector<std::string>{"WOMEN/Dresses"});
  REQUIRE(test.size() == 2);
  CHECK((test.samples[0].is_query && !test.samples[0].is_gallery));
  CHECK((!test.samples[1].is_query && test.samples[1].is_gallery));
  CHECK(test.category_names == std::vector<std::string>{"MEN/Denim"});
  CHECK(test.class_names == std::vector<std::string>{"id_02"});

  folder.write("list_eval_partition.txt", "4\nimage_name item_id evaluation_status\n" + items);
  CHECK_THROWS_WITH(diva::in_shop(folder.path()), Contains("the number of its images, 3") && Contains("got 4"));
  folder.write("list_eval_partition.txt", "1\nimage_name item_id evaluation_status\nimg/WOMEN/Dresses/id_01/a.jpg id_01 val\n");
  CHECK_THROWS_WITH(diva::in_shop(folder.path()), Contains(":3") && Contains("got val"));

  const ImageFolder official;
  official.write("Img/img/WOMEN/Dresses/id_01/a.jpg", "");
  official.write("Eval/list_eval_partition.txt",
                 "1\nimage_name item_id evaluation_status\nimg/WOMEN/Dresses/id_01/a.jpg id_01 train\n");
  CHECK(diva::in_shop(official.path()).train.samples.at(0).path == official.path("Img/img/WOMEN/Dresses/id_01/a.jpg"));
  CHECK_THROWS_WITH(diva::in_shop(official.path("none")), Contains("list_eval_partition.txt"));
}

TEST_CASE("the list of Cars196 has 8,054 images of the first 98 classes and 8,131 of the others") {
  if (!available(lists + "Cars196/cars_annos.mat")) return;
  const auto split = diva::zero_shot_split(diva::cars196(lists + "Cars196", {.check_files = false}));
  CHECK(split.train.size() == 8054);
  CHECK(split.train.num_classes() == 98);
  CHECK(split.test.size() == 8131);
  CHECK(split.test.num_classes() == 98);
  CHECK(split.train.class_names.front() == "AM General Hummer SUV 2000");
}

TEST_CASE("the lists of Stanford Online Products have 59,551 and 60,502 images of 11,318 and 11,316 classes") {
  if (!available(lists + "SOP/Ebay_train.txt")) return;
  const auto split = diva::online_products(lists + "SOP", {.check_files = false});
  CHECK(split.train.size() == 59551);
  CHECK(split.train.num_classes() == 11318);
  CHECK(split.test.size() == 60502);
  CHECK(split.test.num_classes() == 11316);
  CHECK(split.train.category_names.size() == 12);
  CHECK(split.test.category_names == split.train.category_names);
  CHECK(split.train.category_names.front() == "bicycle");
}

TEST_CASE("the list of In-Shop has 25,882 training images, 14,218 queries and 12,612 gallery images") {
  const auto list = lists + "InShop/list_eval_partition.GUESSED_QG.txt";
  if (!available(list)) return;
  const ImageFolder folder;
  std::filesystem::copy_file(list, folder.path("list_eval_partition.txt"));
  const auto [train, test] = diva::in_shop(folder.path(), {.check_files = false});
  CHECK(train.size() == 25882);
  CHECK(train.num_classes() == 3997);
  CHECK(test.size() == 26830);
  CHECK(test.num_classes() == 3985);
  std::int64_t queries = 0, gallery = 0;
  for (const auto& sample : test.samples) {
    queries += sample.is_query ? 1 : 0;
    gallery += sample.is_gallery ? 1 : 0;
  }
  CHECK(queries == 14218);
  CHECK(gallery == 12612);
}
