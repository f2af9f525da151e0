#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/core/options.hpp>
#include <diva/data/dataset.hpp>

#include "reading.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <utility>

namespace diva::inline v0_1 {
namespace {

namespace fs = std::filesystem;
using detail::Reading;

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool is_image(const fs::path& path) {
  const auto extension = lower_case(path.extension().string());
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

bool is_known_not_to_be_an_image(const fs::path& path) {
  static const std::set<std::string> extensions = {
      ".txt", ".md",  ".csv", ".tsv", ".json", ".xml", ".yaml", ".yml", ".html", ".htm", ".db",  ".ini", ".log", ".mat",
      ".npy", ".npz", ".pkl", ".pdf", ".rst",  ".py",  ".zip",  ".tar", ".gz",   ".xz",  ".bz2", ".tgz", ".md5", ".sha256"};
  static const std::set<std::string> names = {"readme", "license", "licence", "copying", "notice", "authors", "makefile"};
  const auto name = lower_case(path.filename().string());
  return name.starts_with('.') || names.contains(name) || extensions.contains(lower_case(path.extension().string()));
}

struct Listing {
  std::vector<fs::path> folders, images, ignored;
};

// What lies directly in a folder, each kind sorted.
Listing list_folder(Reading& reading, const fs::path& folder) {
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  Listing listing;
  if (error) {
    reading.fault<IoError>(folder.string(), "a folder that can be read", error.message());
    return listing;
  }
  for (const auto& entry : entries) {
    const auto& path = entry.path();
    const bool hidden = path.filename().string().starts_with('.');
    if (entry.is_directory(error) && !hidden) {
      listing.folders.push_back(path);
    } else if (!hidden && is_image(path)) {
      listing.images.push_back(path);
    } else if (is_known_not_to_be_an_image(path)) {
      listing.ignored.push_back(path);
    } else {
      reading.fault<DataError>(path.string(), "a JPEG or PNG image, or a file known not to be an image", "neither");
    }
  }
  for (auto* paths : {&listing.folders, &listing.images, &listing.ignored}) std::sort(paths->begin(), paths->end());
  return listing;
}

void ignore(Dataset& dataset, const std::vector<fs::path>& paths) {
  for (const auto& path : paths) dataset.ignored_files.push_back(path.string());
}

// The sub-folders of a folder that should hold nothing else.
std::vector<fs::path> folders_in(Reading& reading, const fs::path& folder, Dataset& dataset) {
  auto listing = list_folder(reading, folder);
  if (!listing.images.empty()) {
    reading.fault<DataError>(listing.images.front().string(), "inside a class folder",
                             fmt::format("an image in '{}'", folder.string()));
  }
  if (listing.folders.empty()) reading.fault<DataError>(folder.string(), "a folder with sub-folders", "none");
  ignore(dataset, listing.ignored);
  return std::move(listing.folders);
}

void add_class(Reading& reading, const fs::path& folder, const std::string& name, Dataset& dataset) {
  const auto listing = list_folder(reading, folder);
  if (!listing.folders.empty()) {
    reading.fault<DataError>(listing.folders.front().string(), "an image, as a class folder holds images only", "a folder");
  }
  ignore(dataset, listing.ignored);
  if (listing.images.empty()) {
    reading.fault<DataError>(folder.string(), "a class folder with images", "no image in it");
    return;
  }
  for (const auto& image : listing.images) dataset.samples.push_back({image.string(), dataset.num_classes()});
  dataset.class_names.push_back(name);
}

Dataset read_classes(Reading& reading, const std::string& name, const fs::path& root) {
  Dataset dataset{.name = name, .samples = {}, .class_names = {}};
  for (const auto& folder : folders_in(reading, root, dataset)) add_class(reading, folder, folder.filename().string(), dataset);
  return reading.finish(std::move(dataset));
}

Dataset read_lists(Reading& reading, const fs::path& root) {
  const auto images_path = root / "images.txt", labels_path = root / "image_class_labels.txt";
  const auto images = detail::read_list(reading, images_path, 2), labels = detail::read_list(reading, labels_path, 2);
  if (images.size() != labels.size()) {
    reading.fault<DataError>(labels_path.string(), fmt::format("{} lines, as many as images.txt", images.size()),
                             std::to_string(labels.size()));
  }
  Dataset dataset{.name = "cub200", .samples = {}, .class_names = {}};
  std::set<fs::path> listed;
  for (std::size_t i = 0; i < std::min(images.size(), labels.size()); ++i) {
    const auto& image = images[i].words;
    const auto& of_class = labels[i].words;
    const auto path = root / "images" / image[1];
    if (image[0] != of_class[0]) {
      reading.fault<DataError>(labels_path.string(), fmt::format("image {} in line {}, as images.txt", image[0], labels[i].row),
                               of_class[0]);
      continue;
    }
    const auto number = detail::whole_number(of_class[1]).value_or(0);
    if (number < 1) {
      reading.fault<DataError>(labels_path.string(), "classes numbered from 1", of_class[1]);
      continue;
    }
    if (number > static_cast<std::int64_t>(images.size())) {
      reading.fault<DataError>(labels_path.string(), "no class without images", fmt::format("class {}", number));
      continue;
    }
    if (!listed.insert(path).second) {
      reading.fault<DataError>(path.string(), "listed once", "twice in images.txt");
      continue;
    }
    if (!reading.has_file(path, "images.txt")) continue;
    const auto label = number - 1;
    if (label >= dataset.num_classes()) dataset.class_names.resize(static_cast<std::size_t>(label) + 1);
    auto& name = dataset.class_names[static_cast<std::size_t>(label)];
    const auto folder = fs::path(image[1]).parent_path().string();
    if (name.empty()) name = folder;
    if (name != folder) {
      reading.fault<DataError>(path.string(), fmt::format("in folder '{}' with the rest of class {}", name, number), folder);
      continue;
    }
    dataset.samples.push_back({path.string(), label});
  }
  for (std::size_t i = 0; i < dataset.class_names.size(); ++i) {
    if (dataset.class_names[i].empty()) {
      reading.fault<DataError>(labels_path.string(), "no class without images", fmt::format("none of class {}", i + 1));
    }
  }
  if (dataset.samples.empty()) reading.fault<DataError>(images_path.string(), "a list of images", "an empty one");
  std::stable_sort(dataset.samples.begin(), dataset.samples.end(),
                   [](const Sample& a, const Sample& b) { return a.label < b.label; });

  if (reading.checks_files() && fs::is_directory(root / "images")) {
    for (const auto& entry : fs::recursive_directory_iterator(root / "images")) {
      if (!entry.is_directory() && !listed.contains(entry.path())) dataset.ignored_files.push_back(entry.path().string());
    }
  }
  std::sort(dataset.ignored_files.begin(), dataset.ignored_files.end());
  return reading.finish(std::move(dataset));
}

}  // namespace

namespace detail {

bool Reading::has_file(const fs::path& path, const std::string& list) {
  if (!options_.check_files || fs::exists(path)) return true;
  fault<IoError>(path.string(), fmt::format("there, as {} lists it", list), "no such file");
  return false;
}

std::vector<ListLine> read_list(Reading& reading, const fs::path& path, std::size_t columns, std::int64_t skip) {
  std::ifstream file(path);
  if (!file) fail<IoError>(reading.function(), path.string(), "a file that can be read", "none");
  std::vector<ListLine> lines;
  ListLine line;
  for (std::string text; std::getline(file, text);) {
    if (++line.row <= skip) continue;
    std::istringstream words(text);
    line.words.clear();
    for (std::string word; line.words.size() + 1 < columns && words >> word;) line.words.push_back(word);
    std::string rest;
    std::getline(words >> std::ws, rest);
    while (!rest.empty() && std::isspace(static_cast<unsigned char>(rest.back()))) rest.pop_back();
    if (!rest.empty()) line.words.push_back(rest);
    if (line.words.empty()) continue;  // an empty line
    if (line.words.size() == columns) {
      lines.push_back(line);
    } else {
      reading.fault<DataError>(fmt::format("{}:{}", path.string(), line.row), fmt::format("{} words", columns), text);
    }
  }
  return lines;
}

std::optional<std::int64_t> whole_number(const std::string& text) {
  const auto is_digit = [](unsigned char c) { return std::isdigit(c) != 0; };
  if (text.empty() || text.size() > 9 || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  return std::stoll(text);
}

Dataset assemble(std::string name, std::vector<LabelledFile> files) {
  std::map<std::pair<std::int64_t, std::string>, std::int64_t> labels;
  std::map<std::string, std::int64_t> categories;
  for (const auto& file : files) {
    labels[{file.class_order, file.class_name}] = 0;
    if (!file.category.empty()) categories[file.category] = 0;
  }
  Dataset dataset{.name = std::move(name), .samples = {}, .class_names = {}};
  for (auto& [key, label] : labels) {
    label = dataset.num_classes();
    dataset.class_names.push_back(key.second);
  }
  for (auto& [key, number] : categories) {
    number = static_cast<std::int64_t>(dataset.category_names.size());
    dataset.category_names.push_back(key);
  }
  for (auto& file : files) {
    file.sample.label = labels.at({file.class_order, file.class_name});
    file.sample.category = file.category.empty() ? -1 : categories.at(file.category);
    dataset.samples.push_back(std::move(file.sample));
  }
  std::stable_sort(dataset.samples.begin(), dataset.samples.end(),
                   [](const Sample& a, const Sample& b) { return a.label < b.label; });
  return dataset;
}

fs::path folder_in(const fs::path& root, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    if (fs::is_directory(root / name)) return root / name;
  }
  return root;
}

}  // namespace detail

std::vector<std::int64_t> Dataset::labels() const {
  std::vector<std::int64_t> result;
  result.reserve(samples.size());
  for (const auto& sample : samples) result.push_back(sample.label);
  return result;
}

Dataset folder_of_classes(const std::string& root, const ReadOptions& options) {
  Reading reading("folder_of_classes", options);
  return read_classes(reading, fs::path(root + "/").parent_path().filename().string(), root);
}

Dataset folder_of_images(const std::string& root) {
  Reading reading("folder_of_images", {});
  const auto name = fs::path(root + "/").parent_path().filename().string();
  const auto listing = list_folder(reading, root);
  if (listing.images.empty()) detail::fail<DataError>("folder_of_images", root, "a folder with images", "no image in it");
  Dataset dataset{.name = name, .samples = {}, .class_names = {name}};
  for (const auto& image : listing.images) dataset.samples.push_back({image.string(), 0});
  ignore(dataset, listing.ignored);
  for (const auto& folder : listing.folders) dataset.ignored_files.push_back(folder.string());
  return dataset;
}

Dataset cub200(const std::string& root, const ReadOptions& options) {
  Reading reading("cub200", options);
  const fs::path folder = root;
  if (fs::exists(folder / "images.txt") || fs::exists(folder / "image_class_labels.txt")) return read_lists(reading, folder);
  if (!fs::exists(folder)) detail::fail<IoError>("cub200", root, "a folder that can be read", "no such folder");
  return read_classes(reading, "cub200", folder / "images");
}

Dataset omniglot(const std::string& root, OmniglotPart part, const ReadOptions& options) {
  Reading reading("omniglot", options);
  const auto name = std::string(to_string(part));
  Dataset dataset{.name = "omniglot/" + name, .samples = {}, .class_names = {}};
  for (const auto& alphabet : folders_in(reading, fs::path(root) / ("images_" + name), dataset)) {
    for (const auto& character : folders_in(reading, alphabet, dataset)) {
      add_class(reading, character, alphabet.filename().string() + "/" + character.filename().string(), dataset);
    }
  }
  return reading.finish(std::move(dataset));
}

}  // namespace diva::inline v0_1
