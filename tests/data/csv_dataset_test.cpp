#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/data/csv_dataset.hpp>
#include "data/image_folder.hpp"

using Catch::Matchers::Contains;
using diva::Sample;

namespace {

struct Table : ImageFolder {
  Table() {
    for (const char* name : {"a.jpg", "b.jpg", "c.jpg", "sub/d.jpg"}) write(name, "");
  }
  [[nodiscard]] diva::Split read(const std::string& text, const diva::ReadOptions& options = {}) const {
    write("my.csv", text);
    return diva::csv_dataset(path("my.csv"), options);
  }
};

}  // namespace

TEST_CASE("csv_dataset reads the columns of open-metric-learning as pandas writes them") {
  const Table table;
  const auto [train, test] = table.read(
      "label,path,split,is_query,is_gallery,category,sequence,x_1,x_2,y_1,y_2,note\n"
      "10,a.jpg,train,,,cat,,,,,,first\n"
      "9,b.jpg,train,,,dog,,10.0,30.0,5.0,25.0,\n"
      "7,c.jpg,validation,True,False,cat,3.0,,,,,\n"
      "7,sub/d.jpg,validation,False,True,cat,3.0,0,8,1,4,\n");
  CHECK(train.name == "my/train");
  CHECK(train.class_names == std::vector<std::string>{"9", "10"});
  CHECK(train.category_names == std::vector<std::string>{"cat", "dog"});
  CHECK((train.samples ==
         std::vector<Sample>{{table.path("b.jpg"), 0, 1, -1, true, true, {5, 10, 20, 20}}, {table.path("a.jpg"), 1, 0}}));
  CHECK(test.name == "my/validation");
  CHECK((test.samples == std::vector<Sample>{{table.path("c.jpg"), 0, 0, 3, true, false},
                                             {table.path("sub/d.jpg"), 0, 0, 3, false, true, {1, 0, 3, 8}}}));
}

TEST_CASE("csv_dataset needs three columns, and takes texts as labels") {
  const Table table;
  const auto [train, test] = table.read("split,label,path\ntrain,owl,a.jpg\nTRAIN,2,b.jpg\ntest,emu,c.jpg\n");
  CHECK(train.class_names == std::vector<std::string>{"2", "owl"});
  CHECK((test.samples == std::vector<Sample>{{table.path("c.jpg"), 0}}));
  CHECK(test.samples[0].category == -1);
}

TEST_CASE("csv_dataset names the column, the row and the file that are at fault") {
  const Table table;
  const std::string head = "label,path,split,is_query,is_gallery,sequence,x_1,x_2,y_1,y_2\n";
  const std::string good = "1,a.jpg,train,,,,,,,\n2,b.jpg,validation,1,1,,,,,\n";
  CHECK(table.read(head + good).test.size() == 1);
  CHECK_THROWS_AS(table.read("label,path\n1,a.jpg\n"), diva::OptionError);
  CHECK_THROWS_WITH(table.read("label,path\n1,a.jpg\n"), Contains("split"));
  const auto refuses = [&](const std::string& row, const std::string& complaint) {
    INFO(row);
    CHECK_THROWS_AS(table.read(head + good + row), diva::DataError);
    CHECK_THROWS_WITH(table.read(head + good + row), Contains("my.csv:4") && Contains(complaint));
    CHECK(table.read(head + good + row, {.tolerant = true}).train.faults.size() == 1);
  };
  refuses(",c.jpg,train,,,,,,,\n", "label");
  refuses("3,c.jpg,both,,,,,,,\n", "got 'both'");
  refuses("3,c.jpg,validation,maybe,1,,,,,\n", "is_query");
  refuses("3,c.jpg,validation,0,0,,,,,\n", "neither");
  refuses("3,c.jpg,train,,,x,,,,\n", "sequence");
  refuses("3,c.jpg,train,,,,5,5,0,9\n", "x_1 < x_2");
  refuses("3,c.jpg,train,,,,5,,0,9\n", "x_1 < x_2");
  CHECK_THROWS_WITH(table.read(head + good + "3,gone.jpg,train,,,,,,,\n"), Contains("gone.jpg"));
  CHECK_THROWS_AS(table.read(head + good + "3,gone.jpg,train,,,,,,,\n"), diva::IoError);
  CHECK_THROWS_AS(table.read(head + "1,a.jpg,train,,,,,,,\n"), diva::DataError);
  CHECK_THROWS_AS(diva::csv_dataset(table.path("none.csv")), diva::IoError);
}
