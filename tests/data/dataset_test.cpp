#include "support/catch.hpp"

#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/data/dataset.hpp>
#include <diva/data/splits.hpp>
#include "data/image_folder.hpp"
#include "support/source_file.hpp"

#include <cstdlib>
#include <iostream>

using Catch::Matchers::Contains;
using diva::Dataset;
using diva::Sample;

namespace {

std::vector<std::string> names(const std::vector<std::string>& paths, const ImageFolder& folder) {
  std::vector<std::string> result;
  for (const auto& path : paths) result.push_back(std::filesystem::relative(path, folder.path()).string());
  return result;
}

std::string shared_data() { return source_file("../shared/data"); }

bool available(const std::string& path) {
  const bool found = std::filesystem::exists(path);
  if (!found) std::cout << "skipped: " << path << " is not there\n";
  return found;
}

// Unpacks an archive into the folder.
void unpack(const std::string& archive, const ImageFolder& folder) {
  REQUIRE(std::system(fmt::format("tar -xf '{}' -C '{}'", archive, folder.path()).c_str()) == 0);
}

}  // namespace

TEST_CASE("folder_of_images takes the images of one folder and lists what it leaves out") {
  const ImageFolder folder;
  for (const char* name : {"b.png", "a.JPG", "notes.txt", "inner/c.png"}) folder.write(name, "");
  const auto dataset = diva::folder_of_images(folder.path());
  CHECK((dataset.samples == std::vector<Sample>{{folder.path("a.JPG"), 0}, {folder.path("b.png"), 0}}));
  CHECK(dataset.num_classes() == 1);
  CHECK(names(dataset.ignored_files, folder) == std::vector<std::string>{"notes.txt", "inner"});
  folder.make_folder("empty");
  CHECK_THROWS_AS(diva::folder_of_images(folder.path("empty")), diva::DataError);
  CHECK_THROWS_AS(diva::folder_of_images(folder.path("none")), diva::IoError);
  folder.write("what.xyz", "");
  CHECK_THROWS_AS(diva::folder_of_images(folder.path()), diva::DataError);
}

TEST_CASE("folder_of_classes sorts classes and images by name and lists what it leaves out") {
  const ImageFolder folder;
  for (const char* name : {"b/2.png", "b/1.JPG", "b/10.jpeg", "a/x.PNG"}) folder.write(name, "");
  for (const char* name : {"README", "b/Thumbs.db", "a/.hidden.png", "notes.txt"}) folder.write(name, "");
  folder.make_folder(".git");
  const auto dataset = diva::folder_of_classes(folder.path());
  CHECK(dataset.class_names == std::vector<std::string>{"a", "b"});
  CHECK(
      (dataset.samples ==
       std::vector<Sample>{
           {folder.path("a/x.PNG"), 0}, {folder.path("b/1.JPG"), 1}, {folder.path("b/10.jpeg"), 1}, {folder.path("b/2.png"), 1}}));
  CHECK(dataset.labels() == std::vector<std::int64_t>{0, 1, 1, 1});
  CHECK(names(dataset.ignored_files, folder) ==
        std::vector<std::string>{".git", "README", "notes.txt", "a/.hidden.png", "b/Thumbs.db"});
  CHECK(dataset.name == std::filesystem::path(folder.path()).filename());
  CHECK(diva::folder_of_classes(folder.path() + "/").name == dataset.name);
}

TEST_CASE("folder_of_classes names a missing root, an empty class, and files that it does not know") {
  const ImageFolder folder;
  CHECK_THROWS_AS(diva::folder_of_classes(folder.path("none")), diva::IoError);
  CHECK_THROWS_WITH(diva::folder_of_classes(folder.path("none")), Contains(folder.path("none")));
  CHECK_THROWS_AS(diva::folder_of_classes(folder.path()), diva::DataError);  // no class at all
  folder.write_image("full/1.png");
  CHECK(diva::folder_of_classes(folder.path()).size() == 1);
  folder.make_folder("void");
  CHECK_THROWS_AS(diva::folder_of_classes(folder.path()), diva::DataError);
  CHECK_THROWS_WITH(diva::folder_of_classes(folder.path()), Contains(folder.path("void")));
  folder.write("void/readme.txt", "not an image");
  CHECK_THROWS_WITH(diva::folder_of_classes(folder.path()), Contains(folder.path("void")));
  folder.write("void/1.webp", "");
  CHECK_THROWS_AS(diva::folder_of_classes(folder.path()), diva::DataError);
  CHECK_THROWS_WITH(diva::folder_of_classes(folder.path()), Contains("1.webp"));
}

TEST_CASE("folder_of_classes loses no image in folders that are too deep or not deep enough") {
  const ImageFolder deep, shallow;
  deep.write_image("a/1.png");
  deep.write_image("a/more/2.png");
  CHECK_THROWS_WITH(diva::folder_of_classes(deep.path()), Contains(deep.path("a/more")));
  shallow.write_image("a/1.png");
  shallow.write_image("0.png");
  CHECK_THROWS_WITH(diva::folder_of_classes(shallow.path()), Contains(shallow.path("0.png")));
}

TEST_CASE("cub200 reads the archive's lists, in the order of labels") {
  const ImageFolder folder;
  for (const char* name :
       {"images/001.Gull/a.jpg", "images/001.Gull/b.jpg", "images/002.Owl/c.jpg", "images/002.Owl/left out.jpg"}) {
    folder.write(name, "");
  }
  folder.write("images.txt", "1 002.Owl/c.jpg\n2 001.Gull/b.jpg\r\n3 001.Gull/a.jpg\n\n");
  folder.write("image_class_labels.txt", "1 2\n2 1\n3 1\n");
  folder.write("classes.txt", "1 001.Gull\n2 002.Owl\n");
  const auto dataset = diva::cub200(folder.path());
  CHECK(dataset.class_names == std::vector<std::string>{"001.Gull", "002.Owl"});
  CHECK((dataset.samples == std::vector<Sample>{{folder.path("images/001.Gull/b.jpg"), 0},
                                                {folder.path("images/001.Gull/a.jpg"), 0},
                                                {folder.path("images/002.Owl/c.jpg"), 1}}));
  CHECK(names(dataset.ignored_files, folder) == std::vector<std::string>{"images/002.Owl/left out.jpg"});
}

TEST_CASE("cub200 reads the folders when there are no lists") {
  const ImageFolder folder;
  for (const char* name : {"images/001.Gull/a.jpg", "images/001.Gull/b.jpg", "images/002.Owl/c.jpg"}) folder.write(name, "");
  const auto dataset = diva::cub200(folder.path());
  CHECK(dataset.name == "cub200");
  CHECK(dataset.class_names == std::vector<std::string>{"001.Gull", "002.Owl"});
  CHECK(dataset.labels() == std::vector<std::int64_t>{0, 0, 1});
  CHECK_THROWS_AS(diva::cub200(folder.path("none")), diva::IoError);
}

TEST_CASE("cub200 refuses lists that do not fit the files or each other") {
  const ImageFolder folder;
  folder.write("images/001.Gull/a.jpg", "");
  folder.write("images/002.Owl/b.jpg", "");
  const auto read = [&](const std::string& images, const std::string& labels) {
    folder.write("images.txt", images);
    folder.write("image_class_labels.txt", labels);
    return diva::cub200(folder.path());
  };
  const std::string images = "1 001.Gull/a.jpg\n2 002.Owl/b.jpg\n", labels = "1 1\n2 2\n";
  CHECK(read(images, labels).size() == 2);
  CHECK_THROWS_WITH(read("1 001.Gull/a.jpg\n2 002.Owl/gone.jpg\n", labels), Contains("gone.jpg"));
  CHECK_THROWS_AS(read("1 001.Gull/a.jpg\n2 002.Owl/gone.jpg\n", labels), diva::IoError);
  CHECK_THROWS_AS(read(images, "1 1\n"), diva::DataError);
  CHECK_THROWS_AS(read(images, "1 1\n3 2\n"), diva::DataError);
  CHECK_THROWS_AS(read(images, "1 1\n2 0\n"), diva::DataError);
  CHECK_THROWS_AS(read(images, "1 1\n2 two\n"), diva::DataError);
  CHECK_THROWS_AS(read(images, "1 1\n2\n"), diva::DataError);
  CHECK_THROWS_AS(read(images, "1 2\n2 2\n"), diva::DataError);          // two folders in one class
  CHECK_THROWS_AS(read(images, "1 1\n2 999999999\n"), diva::DataError);  // classes without images
  CHECK_THROWS_AS(read("1 001.Gull/a.jpg\n2 001.Gull/a.jpg\n", "1 1\n2 1\n"), diva::DataError);
  CHECK_THROWS_AS(read("", ""), diva::DataError);
  std::filesystem::remove(folder.path("image_class_labels.txt"));
  CHECK_THROWS_WITH(diva::cub200(folder.path()), Contains("image_class_labels.txt"));
}

TEST_CASE("omniglot makes one class of each character, named with its alphabet") {
  const ImageFolder folder;
  for (const char* name : {"Greek/character02/2.png", "Greek/character01/1.png", "Arcadian/character01/3.png"}) {
    folder.write("images_background/" + std::string(name), "");
  }
  const auto dataset = diva::omniglot(folder.path(), diva::OmniglotPart::background);
  CHECK(dataset.class_names == std::vector<std::string>{"Arcadian/character01", "Greek/character01", "Greek/character02"});
  CHECK((dataset.samples.at(2) == Sample{folder.path("images_background/Greek/character02/2.png"), 2}));
  CHECK_THROWS_WITH(diva::omniglot(folder.path(), diva::OmniglotPart::evaluation), Contains("images_evaluation"));
  folder.make_folder("images_background/Latin");
  CHECK_THROWS_WITH(diva::omniglot(folder.path(), diva::OmniglotPart::background), Contains("Latin"));
}

TEST_CASE("a tolerant reader notes each fault and goes on") {
  const ImageFolder folder;
  folder.write("images/001.Gull/a.jpg", "");
  folder.write("images/002.Owl/b.jpg", "");
  folder.write("images.txt", "1 001.Gull/a.jpg\n2 002.Owl/gone.jpg\n3 002.Owl/b.jpg\n4 001.Gull/a.jpg\n5\n6 003.Emu/e.jpg\n");
  folder.write("image_class_labels.txt", "1 1\n2 2\n3 2\n4 1\n6 x\n");
  const auto dataset = diva::cub200(folder.path(), {.tolerant = true});
  CHECK(dataset.size() == 2);
  CHECK(dataset.class_names == std::vector<std::string>{"001.Gull", "002.Owl"});
  REQUIRE(dataset.faults.size() == 4);
  CHECK_THAT(dataset.faults[0], Contains("images.txt:5"));
  CHECK_THAT(dataset.faults[1], Contains("gone.jpg"));
  CHECK_THAT(dataset.faults[2], Contains("twice"));
  CHECK_THAT(dataset.faults[3], Contains("numbered from 1") && Contains("got x"));
  // Without a look at the files the lists are taken at their word.
  CHECK(diva::cub200(folder.path(), {.check_files = false, .tolerant = true}).size() == 3);

  const ImageFolder classes;
  classes.write("a/1.png", "");
  classes.write("a/2.webp", "");
  classes.write("b/readme.txt", "");
  classes.write("c/more/3.png", "");
  classes.write("d.png", "");
  const auto read = diva::folder_of_classes(classes.path(), {.tolerant = true});
  CHECK(read.class_names == std::vector<std::string>{"a"});
  CHECK(read.faults.size() == 5);  // the stray image, the webp, b without an image, c's folder, c without an image
  CHECK(diva::folder_of_classes(folder.path("images")).faults.empty());
}

TEST_CASE("omniglot has 964 and 659 characters of 20 drawings") {
  const auto archives = shared_data() + "/omniglot/images_";
  if (!available(archives + "background.tar.xz")) return;
  const ImageFolder folder;
  unpack(archives + "background.tar.xz", folder);
  unpack(archives + "evaluation.tar.xz", folder);
  const auto background = diva::omniglot(folder.path(), diva::OmniglotPart::background);
  const auto evaluation = diva::omniglot(folder.path(), diva::OmniglotPart::evaluation);
  CHECK(background.num_classes() == 964);
  CHECK(background.size() == 19280);
  CHECK(evaluation.num_classes() == 659);
  CHECK(evaluation.size() == 13180);
  CHECK(background.ignored_files.empty());
}

TEST_CASE("the list of CUB-200-2011 has 5,864 images of the first 100 classes and 5,924 of the others") {
  const auto lists = shared_data() + "/split_lists/CUB_200_2011";
  if (!available(lists + "/images.txt")) return;
  const auto split = diva::zero_shot_split(diva::cub200(lists, {.check_files = false}));
  CHECK(split.train.size() == 5864);
  CHECK(split.train.num_classes() == 100);
  CHECK(split.test.size() == 5924);
  CHECK(split.test.num_classes() == 100);
  CHECK(split.test.class_names.front() == "101.White_Pelican");
}

TEST_CASE("the grocery photographs in CUB's layout have 81 classes, of which the first 40 train") {
  const auto archive = shared_data() + "/grocery/grocery_cub.tar";
  if (!available(archive)) return;
  const ImageFolder folder;
  unpack(archive, folder);
  const auto root = folder.path("grocery_cub");
  const auto dataset = diva::cub200(root);
  CHECK(dataset.num_classes() == 81);
  CHECK(dataset.size() == 5421);
  const auto split = diva::zero_shot_split(dataset);
  CHECK(split.train.num_classes() == 40);
  CHECK(split.train.size() == 2979);
  CHECK(split.test.size() == 2442);
  std::filesystem::remove(root + "/images.txt");
  std::filesystem::remove(root + "/image_class_labels.txt");
  const auto without_lists = diva::cub200(root);
  CHECK(without_lists.class_names == dataset.class_names);
  CHECK(without_lists.labels() == dataset.labels());
}
