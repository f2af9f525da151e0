#include "support/catch.hpp"

#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/data/splits.hpp>

#include <map>
#include <set>

using diva::Dataset;
using diva::Generator;
using diva::Sample;

namespace {

Dataset numbered(std::int64_t classes, std::int64_t each) {
  Dataset dataset{.name = "numbers", .samples = {}, .class_names = {}};
  for (std::int64_t c = 0; c < classes; ++c) {
    dataset.class_names.push_back("class" + std::to_string(c));
    for (std::int64_t i = 0; i < each; ++i) dataset.samples.push_back({dataset.class_names.back() + "/" + std::to_string(i), c});
  }
  return dataset;
}

}  // namespace

TEST_CASE("select_classes relabels in the order given") {
  const auto dataset = numbered(4, 2);
  const auto selected = diva::select_classes(dataset, {3, 1});
  CHECK(selected.class_names == std::vector<std::string>{"class3", "class1"});
  CHECK((selected.samples == std::vector<Sample>{{"class3/0", 0}, {"class3/1", 0}, {"class1/0", 1}, {"class1/1", 1}}));
  CHECK_THROWS_AS(diva::select_classes(dataset, {4}), diva::DataError);
  CHECK_THROWS_AS(diva::select_classes(dataset, {-1}), diva::DataError);
  CHECK_THROWS_AS(diva::select_classes(dataset, {2, 2}), diva::DataError);
}

TEST_CASE("zero_shot_split trains on the first half of the classes, the smaller one") {
  const auto split = diva::zero_shot_split(numbered(5, 3));
  CHECK(split.train.class_names == std::vector<std::string>{"class0", "class1"});
  CHECK(split.test.class_names == std::vector<std::string>{"class2", "class3", "class4"});
  CHECK(split.train.labels() == std::vector<std::int64_t>{0, 0, 0, 1, 1, 1});
  CHECK(split.test.labels() == std::vector<std::int64_t>{0, 0, 0, 1, 1, 1, 2, 2, 2});
  CHECK(split.test.samples.front().path == "class2/0");
  CHECK(split.train.name == "numbers/train");
  CHECK_THROWS_AS(diva::zero_shot_split(numbered(1, 3)), diva::DataError);
}

TEST_CASE("validation_split parts the classes at random by its generator, none in both and none lost") {
  const auto dataset = numbered(20, 2);
  std::set<std::vector<std::string>> seen;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const auto split = diva::validation_split(dataset, 0.15, Generator(seed));
    REQUIRE(split.test.num_classes() == 3);
    REQUIRE(split.train.num_classes() == 17);
    std::set<std::string> classes(split.train.class_names.begin(), split.train.class_names.end());
    classes.insert(split.test.class_names.begin(), split.test.class_names.end());
    REQUIRE(classes.size() == 20);
    REQUIRE(split.train.size() + split.test.size() == 40);
    seen.insert(split.test.class_names);
    REQUIRE((diva::validation_split(dataset, 0.15, Generator(seed)).test.samples == split.test.samples));
  }
  CHECK(seen.size() > 20);  // of 1140 triples
  CHECK(diva::validation_split(dataset, 0.001, Generator(0)).test.num_classes() == 1);
  CHECK_THROWS_AS(diva::validation_split(dataset, 0, Generator(0)), diva::OptionError);
  CHECK_THROWS_AS(diva::validation_split(dataset, 1, Generator(0)), diva::OptionError);
  CHECK_THROWS_AS(diva::validation_split(dataset, 0.99, Generator(0)), diva::DataError);
  CHECK_THROWS_AS(diva::validation_split(numbered(1, 4), 0.5, Generator(0)), diva::DataError);
}

TEST_CASE("validation_split_by_sample holds back its share of every class, none lost and none twice") {
  auto dataset = numbered(6, 10);
  dataset.samples.push_back({"single", 6});
  dataset.class_names.push_back("single");
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto split = diva::validation_split_by_sample(dataset, 0.25, Generator(seed));
    std::map<std::int64_t, int> held;
    std::set<std::string> paths;
    for (const auto& sample : split.test.samples) {
      ++held[sample.label];
      paths.insert(sample.path);
      seen.insert(sample.path);
    }
    for (const auto& sample : split.train.samples) paths.insert(sample.path);
    REQUIRE(split.test.size() == 12);  // ⌊2.5⌋ of each, and the single image trains
    REQUIRE(held.size() == 6);
    for (const auto& [label, count] : held) REQUIRE(count == 2);
    REQUIRE(paths.size() == 61);
    REQUIRE(split.train.size() == 49);
    REQUIRE(split.train.class_names == dataset.class_names);
    REQUIRE(split.test.class_names == dataset.class_names);
  }
  CHECK(seen.size() > 55);
  CHECK(diva::validation_split_by_sample(dataset, 0.01, Generator(1)).test.size() == 6);
  CHECK(diva::validation_split_by_sample(numbered(2, 5), 0.5, Generator(1)).test.name == "numbers/validation");
  CHECK_THROWS_AS(diva::validation_split_by_sample(dataset, 0, Generator(1)), diva::OptionError);
  CHECK_THROWS_AS(diva::validation_split_by_sample(dataset, 1, Generator(1)), diva::OptionError);
  CHECK_THROWS_AS(diva::validation_split_by_sample(numbered(3, 1), 0.5, Generator(1)), diva::DataError);
}

TEST_CASE("class_folds tests every class once, in sets whose sizes differ by one at most") {
  const auto dataset = numbered(11, 3);
  const auto folds = diva::class_folds(dataset, 4, Generator(3));
  REQUIRE(folds.size() == 4);
  std::multiset<std::string> tested;
  for (const auto& fold : folds) {
    CHECK((fold.test.num_classes() == 2 || fold.test.num_classes() == 3));
    CHECK(fold.train.num_classes() + fold.test.num_classes() == 11);
    CHECK(fold.train.size() + fold.test.size() == 33);
    const std::set<std::string> train(fold.train.class_names.begin(), fold.train.class_names.end());
    for (const auto& name : fold.test.class_names) {
      CHECK_FALSE(train.contains(name));
      tested.insert(name);
    }
  }
  CHECK(tested == std::multiset<std::string>(dataset.class_names.begin(), dataset.class_names.end()));
  CHECK(folds[1].test.name == "numbers/fold1/test");
  CHECK(diva::class_folds(dataset, 4, Generator(3))[2].test.class_names == folds[2].test.class_names);
  CHECK(diva::class_folds(dataset, 4, Generator(4))[2].test.class_names != folds[2].test.class_names);
  CHECK_THROWS_AS(diva::class_folds(dataset, 1, Generator(3)), diva::OptionError);
  CHECK_THROWS_AS(diva::class_folds(dataset, 12, Generator(3)), diva::DataError);
}

TEST_CASE("selecting and joining keep what samples say beyond their class") {
  Dataset dataset{.name = "x",
                  .samples = {{"a", 0, 1, 5, true, false, {1, 2, 3, 4}}, {"b", 1, 0}, {"c", 2, 1}},
                  .class_names = {"A", "B", "C"},
                  .category_names = {"birds", "cars"}};
  const auto selected = diva::select_classes(dataset, {2, 0});
  CHECK((selected.samples == std::vector<Sample>{{"c", 0, 1}, {"a", 1, 1, 5, true, false, {1, 2, 3, 4}}}));
  CHECK(selected.category_names == dataset.category_names);
  // "cars" is on both sides; "ships" on the second alone.
  const Dataset other{
      .name = "y", .samples = {{"d", 0, 0}, {"e", 0, 1}}, .class_names = {"D"}, .category_names = {"ships", "cars"}};
  const auto all = diva::join({dataset, other});
  CHECK(all.class_names == std::vector<std::string>{"A", "B", "C", "D"});
  CHECK(all.category_names == std::vector<std::string>{"birds", "cars", "ships"});
  CHECK((all.samples[3] == Sample{"d", 3, 2}));
  CHECK((all.samples[4] == Sample{"e", 3, 1}));
}
