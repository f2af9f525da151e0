#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/files.hpp>
#include <diva/io/labels.hpp>
#include <diva/io/npy.hpp>

#include <string_view>

#include "support/temporary_folder.hpp"

using Catch::Matchers::Contains;

namespace {

struct Files : TemporaryFolder {
  std::string write(const std::string& name, std::string_view text) const {
    diva::write_file_atomically(*this / name, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    return *this / name;
  }
};

}  // namespace

TEST_CASE("labels that are all whole numbers stay as they are, from every kind of file") {
  const Files files;
  const auto expected = torch::tensor({3, -1, 3}, torch::kInt64);
  diva::write_npy(files / "a.npy", expected.to(torch::kInt16));
  const auto lists = diva::read_labels(
      {files / "a.npy", files.write("b.json", "[3, -1, 3]"), files.write("c.csv", "path,label\nx,3\ny,-1\nz,3\n"),
       files.write("d.csv", "class\n3\n-1\n3\n"), files.write("e.txt", "3\r\n-1\r\n3"), files.write("f", "3\n-1\n3\n")});
  REQUIRE(lists.labels.size() == 6);
  CHECK(lists.class_names.empty());
  for (const auto& labels : lists.labels) CHECK(labels.equal(expected));
}

TEST_CASE("texts of queries and gallery get one numbering, by their bytes") {
  const Files files;
  // Among b, a, 10, 9 and c d the order of bytes is 10, 9, a, b, c d.
  diva::write_npy(files / "gallery.npy", torch::tensor({9, 10}));
  const auto lists = diva::read_labels({files.write("queries.txt", "b\na\nc d\n"), files / "gallery.npy"});
  CHECK(lists.class_names == std::vector<std::string>{"10", "9", "a", "b", "c d"});
  CHECK(lists.labels[0].equal(torch::tensor({3, 2, 4})));
  CHECK(lists.labels[1].equal(torch::tensor({1, 0})));
}

TEST_CASE("an empty file has no labels") {
  const Files files;
  CHECK(diva::read_labels({files.write("a.txt", "")}).labels[0].sizes() == torch::IntArrayRef({0}));
  CHECK(diva::read_labels({files.write("a.json", "[]"), files.write("b.txt", "x\n")}).labels[0].size(0) == 0);
}

TEST_CASE("files that hold no labels are refused by name, with the line") {
  const Files files;
  CHECK_THROWS_WITH(diva::read_labels({files.write("a.txt", "1\n\n2\n")}), Contains("a.txt") && Contains(":2"));
  CHECK_THROWS_WITH(diva::read_labels({files.write("a.json", "[1, 2.5]")}), Contains("element 1"));
  CHECK_THROWS_AS(diva::read_labels({files.write("a.json", "{}")}), diva::IoError);
  CHECK_THROWS_AS(diva::read_labels({files.write("a.json", "[1")}), diva::IoError);
  CHECK_THROWS_AS(diva::read_labels({files.write("a.csv", "x,y\n1,2\n")}), diva::Error);
  diva::write_npy(files / "a.npy", torch::ones({3}));
  CHECK_THROWS_WITH(diva::read_labels({files / "a.npy"}), Contains("a.npy") && Contains("whole numbers"));
  diva::write_npy(files / "a.npy", torch::ones({3, 1}, torch::kInt64));
  CHECK_THROWS_AS(diva::read_labels({files / "a.npy"}), diva::IoError);
  CHECK_THROWS_AS(diva::read_labels({files / "none"}), diva::IoError);
}
