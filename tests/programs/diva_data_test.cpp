#include <diva/io/image.hpp>

#include "programs/run.hpp"
#include "support/source_file.hpp"

using Catch::Matchers::Contains;

namespace {

struct Photographs : Shell {
  Photographs() {
    const std::string folder = source_file("tests/fixtures/images/grocery/");
    const auto jpeg = diva::read_file(folder + "train_Banana_039.jpg");
    for (const char* name : {"images/001.A/1.jpg", "images/001.A/2.jpg", "images/002.B/3.jpg", "images/002.B/4.jpg"}) {
      std::filesystem::create_directories(std::filesystem::path(*this / name).parent_path());
      diva::write_file_atomically(*this / name, jpeg);
    }
    write("images.txt", "1 001.A/1.jpg\n2 001.A/2.jpg\n3 002.B/3.jpg\n4 002.B/4.jpg\n");
    write("image_class_labels.txt", "1 1\n2 1\n3 2\n4 2\n");
  }
};

}  // namespace

TEST_CASE("diva_data lists the data sets with the sizes of the published ones") {
  const Shell shell;
  const auto result = shell.run(DIVA_DATA, "list");
  CHECK(result.status == 0);
  for (const char* name : {"cub200", "cars196", "online_products", "in-shop", "omniglot", "folder", "csv"})
    CHECK_THAT(result.out, Contains(name));
  CHECK_THAT(result.out, Contains("59551 images of 11318 classes to train on, 60502 of 11316 to test"));
}

TEST_CASE("diva_data checks a whole data set") {
  const Photographs folder;
  const auto result = folder.run(DIVA_DATA, "check . --decode");
  INFO(result.out << result.error);
  CHECK(result.status == 0);
  CHECK_THAT(result.out, Contains("cub200: 2 images of 1 classes to train on, 2 of 1 to test; 0 other files\n"));
  CHECK_THAT(result.out, Contains("The published set has 5864 images of 100 classes"));
  CHECK_THAT(result.out, Contains("No fault."));
  CHECK(result.error.empty());
}

TEST_CASE("diva_data names each bad file and goes on to the last") {
  const Photographs folder;
  folder.write("images/001.A/2.jpg", "no image");
  auto half = diva::read_file(folder / "images/002.B/3.jpg");
  half.resize(half.size() / 2);
  diva::write_file_atomically(folder / "images/002.B/3.jpg", half);
  folder.write("images.txt", "1 001.A/1.jpg\n2 001.A/2.jpg\n3 002.B/3.jpg\n4 002.B/gone.jpg\n5\n");
  const auto counted = folder.run(DIVA_DATA, "check .");
  CHECK(counted.status == 1);
  CHECK_THAT(counted.out, Contains("gone.jpg") && Contains("images.txt:5") && Contains("2 faults."));
  const auto decoded = folder.run(DIVA_DATA, "check . --dataset cub200 --decode");
  INFO(decoded.out);
  CHECK(decoded.status == 1);
  for (const char* name : {"gone.jpg", "001.A/2.jpg", "002.B/3.jpg", "4 faults."}) CHECK_THAT(decoded.out, Contains(name));
  CHECK_THAT(decoded.out, !Contains("001.A/1.jpg"));
}

TEST_CASE("diva_data refuses what it cannot use, in one line") {
  const Photographs folder;
  folder.refuses(DIVA_DATA, "check", 1, "dir");
  folder.refuses(DIVA_DATA, "check . --dataset cub", 1, "cub200");
  folder.refuses(DIVA_DATA, "chek .", 2, "chek");
  folder.refuses(DIVA_DATA, "check . --decod", 2, "--decode");
  CHECK(folder.run(DIVA_DATA, "check none").status == 1);
}
