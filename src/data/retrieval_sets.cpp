#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/data/retrieval_sets.hpp>
#include <diva/io/mat.hpp>

#include "reading.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

namespace diva::inline v0_1 {
namespace {

namespace fs = std::filesystem;
using detail::LabelledFile;
using detail::Reading;

LabelledFile listed(const fs::path& path, std::int64_t class_order, const std::string& class_name,
                    const std::string& category = {}) {
  LabelledFile file;
  file.sample.path = path.string();
  file.class_order = class_order;
  file.class_name = class_name;
  file.category = category;
  return file;
}

// Classes that both sides have would make the test one of seen classes.
void check_disjoint(Reading& reading, const Dataset& train, const Dataset& test) {
  const std::set<std::string> seen(train.class_names.begin(), train.class_names.end());
  for (const auto& name : test.class_names) {
    if (seen.contains(name)) reading.fault<DataError>(fmt::format("class '{}'", name), "on one side only", "in training and test");
  }
}

fs::path list_in(const fs::path& root, const std::string& name, const std::vector<std::string>& folders) {
  for (const auto& folder : folders) {
    if (fs::exists(root / folder / name)) return root / folder / name;
  }
  return root / name;
}

std::vector<LabelledFile> read_products(Reading& reading, const fs::path& root, const std::string& list) {
  const auto images = detail::folder_in(root, {"images"});
  const auto path = list_in(root, list, {"", "Info_Files"});
  std::vector<LabelledFile> files;
  for (const auto& [words, row] : detail::read_list(reading, path, 4, 1)) {
    const auto number = detail::whole_number(words[1]);
    if (!number) {
      reading.fault<DataError>(fmt::format("{}:{}", path.string(), row), "a class number in the second column", words[1]);
      continue;
    }
    const auto file = images / words[3];
    if (!reading.has_file(file, list)) continue;
    auto category = fs::path(words[3]).parent_path().string();
    if (category.ends_with("_final")) category.resize(category.size() - 6);
    files.push_back(listed(file, *number, words[1], category));
  }
  return files;
}

// The whole number of a field; -1 where it holds no single one.
std::int64_t number_of(const MatArray& array) { return array.numbers.size() == 1 ? std::lround(array.numbers[0]) : -1; }

}  // namespace

Dataset cars196(const std::string& root, const ReadOptions& options) {
  Reading reading("cars196", options);
  const auto path = fs::path(root) / "cars_annos.mat";
  if (!fs::exists(path)) {
    auto dataset = folder_of_classes((fs::path(root) / "images").string(), options);
    dataset.name = "cars196";
    return dataset;
  }
  const auto variables = read_mat(path.string());
  const auto found = variables.find("annotations"), names = variables.find("class_names");
  if (found == variables.end() || names == variables.end() || found->second.kind != MatKind::structs) {
    detail::fail<DataError>("cars196", path.string(), "a file with structs 'annotations' and cells 'class_names'", "another one");
  }
  const auto& classes = names->second.elements;
  std::vector<LabelledFile> files;
  for (std::int64_t i = 0; i < found->second.size(); ++i) {
    const auto& image = found->second.field(i, "relative_im_path").text;
    const auto number = number_of(found->second.field(i, "class"));
    if (number < 1 || number > static_cast<std::int64_t>(classes.size())) {
      reading.fault<DataError>(path.string(), fmt::format("a class of 1 to {} for '{}'", classes.size(), image),
                               std::to_string(number));
      continue;
    }
    const auto file = fs::path(root) / image;
    if (!reading.has_file(file, "cars_annos.mat")) continue;
    files.push_back(listed(file, number, classes[static_cast<std::size_t>(number - 1)].text));
  }
  if (files.empty()) reading.fault<DataError>(path.string(), "a list of images", "an empty one");
  return reading.finish(detail::assemble("cars196", std::move(files)));
}

Split online_products(const std::string& root, const ReadOptions& options) {
  Reading reading("online_products", options);
  Split split{detail::assemble("online_products/train", read_products(reading, root, "Ebay_train.txt")),
              detail::assemble("online_products/test", read_products(reading, root, "Ebay_test.txt"))};
  check_disjoint(reading, split.train, split.test);
  split.train = reading.finish(std::move(split.train));
  return split;
}

Split in_shop(const std::string& root, const ReadOptions& options) {
  Reading reading("in_shop", options);
  const std::string list = "list_eval_partition.txt";
  const auto path = list_in(root, list, {"", "Eval", "Anno", "Info_Files"});
  // The number of images, the names of the columns, and the images.
  const auto head = detail::read_list(reading, path, 1);
  const auto lines = detail::read_list(reading, path, 3, 2);
  const auto expected = head.empty() ? std::nullopt : detail::whole_number(head.front().words.front());
  if (!expected || *expected != static_cast<std::int64_t>(lines.size())) {
    reading.fault<DataError>(path.string(), fmt::format("the number of its images, {}, in its first line", lines.size()),
                             head.empty() ? "an empty file" : head.front().words.front());
  }
  const fs::path folder = root;
  const auto images = fs::is_directory(folder / "img") ? folder : detail::folder_in(folder, {"Img"});
  std::vector<LabelledFile> train, test;
  for (const auto& [words, row] : lines) {
    const auto& side = words[2];
    if (side != "train" && side != "query" && side != "gallery") {
      reading.fault<DataError>(fmt::format("{}:{}", path.string(), row), "train, query or gallery", side);
      continue;
    }
    const auto file = images / words[0];
    if (!reading.has_file(file, list)) continue;
    // img/WOMEN/Dresses/id_00000002/02_1_front.jpg
    auto category = fs::path(words[0]).parent_path().parent_path();
    if (category.begin() != category.end() && *category.begin() == "img") category = category.lexically_relative("img");
    auto image = listed(file, 0, words[1], category.string());
    if (side != "train") {
      image.sample.is_query = side == "query";
      image.sample.is_gallery = side == "gallery";
    }
    (side == "train" ? train : test).push_back(std::move(image));
  }
  Split split{detail::assemble("in-shop/train", std::move(train)), detail::assemble("in-shop/test", std::move(test))};
  check_disjoint(reading, split.train, split.test);
  split.train = reading.finish(std::move(split.train));
  return split;
}

}  // namespace diva::inline v0_1
