#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/core/options.hpp>
#include <diva/data/dataset.hpp>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace diva {
namespace {

namespace fs = std::filesystem;

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
Listing list_folder(const char* function, const fs::path& folder) {
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  if (error) detail::fail<IoError>(function, folder.string(), "a folder that can be read", error.message());
  Listing listing;
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
      detail::fail<DataError>(function, path.string(), "a JPEG or PNG image, or a file known not to be an image", "neither");
    }
  }
  for (auto* paths : {&listing.folders, &listing.images, &listing.ignored}) std::sort(paths->begin(), paths->end());
  return listing;
}

void ignore(Dataset& dataset, const std::vector<fs::path>& paths) {
  for (const auto& path : paths) dataset.ignored_files.push_back(path.string());
}

// The sub-folders of a folder that should hold nothing else.
std::vector<fs::path> folders_in(const char* function, const fs::path& folder, Dataset& dataset) {
  auto listing = list_folder(function, folder);
  if (!listing.images.empty()) {
    detail::fail<DataError>(function, listing.images.front().string(), "inside a class folder",
                            fmt::format("an image in '{}'", folder.string()));
  }
  if (listing.folders.empty()) detail::fail<DataError>(function, folder.string(), "a folder with sub-folders", "none");
  ignore(dataset, listing.ignored);
  return std::move(listing.folders);
}

void add_class(const char* function, const fs::path& folder, const std::string& name, Dataset& dataset) {
  const auto listing = list_folder(function, folder);
  if (!listing.folders.empty()) {
    detail::fail<DataError>(function, listing.folders.front().string(), "an image, as a class folder holds images only",
                            "a folder");
  }
  if (listing.images.empty()) detail::fail<DataError>(function, folder.string(), "a class folder with images", "no image in it");
  for (const auto& image : listing.images) dataset.samples.push_back({image.string(), dataset.num_classes()});
  dataset.class_names.push_back(name);
  ignore(dataset, listing.ignored);
}

Dataset read_classes(const char* function, const std::string& name, const fs::path& root) {
  Dataset dataset{.name = name, .samples = {}, .class_names = {}};
  for (const auto& folder : folders_in(function, root, dataset)) add_class(function, folder, folder.filename().string(), dataset);
  return dataset;
}

struct Line {
  std::string number, value;
};

// A list of "number value", one a line.
std::vector<Line> read_list(const char* function, const fs::path& path) {
  std::ifstream file(path);
  if (!file) detail::fail<IoError>(function, path.string(), "a file that can be read", "none");
  std::vector<Line> lines;
  std::int64_t row = 0;
  for (std::string text; std::getline(file, text);) {
    ++row;
    std::istringstream words(text);
    Line line;
    if (!(words >> line.number)) continue;  // an empty line
    std::getline(words >> std::ws, line.value);
    while (!line.value.empty() && std::isspace(static_cast<unsigned char>(line.value.back()))) line.value.pop_back();
    if (line.value.empty())
      detail::fail<DataError>(function, fmt::format("{}:{}", path.string(), row), "a number and a value", text);
    lines.push_back(std::move(line));
  }
  return lines;
}

std::int64_t class_number(const char* function, const fs::path& path, const Line& line) {
  const auto wrong = [&] { detail::fail<DataError>(function, path.string(), "classes numbered from 1", line.value); };
  if (line.value.size() > 9 || !std::all_of(line.value.begin(), line.value.end(), [](unsigned char c) { return std::isdigit(c); }))
    wrong();
  const std::int64_t number = std::stoll(line.value);
  if (number < 1) wrong();
  return number;
}

Dataset read_lists(const char* function, const fs::path& root) {
  const auto images = read_list(function, root / "images.txt");
  const auto labels_path = root / "image_class_labels.txt";
  const auto labels = read_list(function, labels_path);
  if (images.size() != labels.size()) {
    detail::fail<DataError>(function, labels_path.string(), fmt::format("{} lines, as many as images.txt", images.size()),
                            std::to_string(labels.size()));
  }
  Dataset dataset{.name = "cub200", .samples = {}, .class_names = {}};
  std::set<fs::path> listed;
  for (std::size_t i = 0; i < images.size(); ++i) {
    if (images[i].number != labels[i].number) {
      detail::fail<DataError>(function, labels_path.string(),
                              fmt::format("image {} in line {}, as images.txt", images[i].number, i + 1), labels[i].number);
    }
    const auto path = root / "images" / images[i].value;
    if (!fs::exists(path)) detail::fail<IoError>(function, path.string(), "there, as images.txt lists it", "no such file");
    const auto label = class_number(function, labels_path, labels[i]) - 1;
    if (label >= static_cast<std::int64_t>(images.size())) {
      detail::fail<DataError>(function, labels_path.string(), "no class without images", fmt::format("class {}", label + 1));
    }
    if (label >= dataset.num_classes()) dataset.class_names.resize(static_cast<std::size_t>(label) + 1);
    auto& name = dataset.class_names[static_cast<std::size_t>(label)];
    const auto folder = fs::path(images[i].value).parent_path().string();
    if (name.empty()) name = folder;
    if (name != folder) {
      detail::fail<DataError>(function, path.string(), fmt::format("in folder '{}' with the rest of class {}", name, label + 1),
                              folder);
    }
    if (!listed.insert(path).second) detail::fail<DataError>(function, path.string(), "listed once", "twice in images.txt");
    dataset.samples.push_back({path.string(), label});
  }
  for (std::size_t i = 0; i < dataset.class_names.size(); ++i) {
    if (dataset.class_names[i].empty()) {
      detail::fail<DataError>(function, labels_path.string(), "no class without images", fmt::format("none of class {}", i + 1));
    }
  }
  if (dataset.samples.empty())
    detail::fail<DataError>(function, (root / "images.txt").string(), "a list of images", "an empty one");
  std::stable_sort(dataset.samples.begin(), dataset.samples.end(),
                   [](const Sample& a, const Sample& b) { return a.label < b.label; });

  for (const auto& entry : fs::recursive_directory_iterator(root / "images")) {
    if (!entry.is_directory() && !listed.contains(entry.path())) dataset.ignored_files.push_back(entry.path().string());
  }
  std::sort(dataset.ignored_files.begin(), dataset.ignored_files.end());
  return dataset;
}

void check_two_classes(const char* function, const Dataset& dataset) {
  if (dataset.num_classes() < 2) {
    detail::fail<DataError>(function, "dataset", "of at least 2 classes",
                            fmt::format("{} in '{}'", dataset.num_classes(), dataset.name));
  }
}

Dataset select_named(const Dataset& dataset, const std::vector<std::int64_t>& classes, const char* part) {
  auto result = select_classes(dataset, classes);
  result.name += part;
  return result;
}

}  // namespace

std::vector<std::int64_t> Dataset::labels() const {
  std::vector<std::int64_t> result;
  result.reserve(samples.size());
  for (const auto& sample : samples) result.push_back(sample.label);
  return result;
}

Dataset folder_of_classes(const std::string& root) {
  return read_classes("folder_of_classes", fs::path(root + "/").parent_path().filename().string(), root);
}

Dataset folder_of_images(const std::string& root) {
  const auto name = fs::path(root + "/").parent_path().filename().string();
  const auto listing = list_folder("folder_of_images", root);
  if (listing.images.empty()) detail::fail<DataError>("folder_of_images", root, "a folder with images", "no image in it");
  Dataset dataset{.name = name, .samples = {}, .class_names = {name}};
  for (const auto& image : listing.images) dataset.samples.push_back({image.string(), 0});
  ignore(dataset, listing.ignored);
  for (const auto& folder : listing.folders) dataset.ignored_files.push_back(folder.string());
  return dataset;
}

Dataset cub200(const std::string& root) {
  const fs::path folder = root;
  if (fs::exists(folder / "images.txt") || fs::exists(folder / "image_class_labels.txt")) return read_lists("cub200", folder);
  if (!fs::exists(folder)) detail::fail<IoError>("cub200", root, "a folder that can be read", "no such folder");
  return read_classes("cub200", "cub200", folder / "images");
}

Dataset omniglot(const std::string& root, OmniglotPart part) {
  const auto name = std::string(to_string(part));
  Dataset dataset{.name = "omniglot/" + name, .samples = {}, .class_names = {}};
  for (const auto& alphabet : folders_in("omniglot", fs::path(root) / ("images_" + name), dataset)) {
    for (const auto& character : folders_in("omniglot", alphabet, dataset)) {
      add_class("omniglot", character, alphabet.filename().string() + "/" + character.filename().string(), dataset);
    }
  }
  return dataset;
}

Dataset select_classes(const Dataset& dataset, const std::vector<std::int64_t>& classes) {
  constexpr std::int64_t left_out = -1;
  std::vector<std::int64_t> new_labels(dataset.class_names.size(), left_out);
  Dataset result{.name = dataset.name, .samples = {}, .class_names = {}};
  for (const auto label : classes) {
    if (label < 0 || label >= dataset.num_classes()) {
      detail::fail<DataError>("select_classes", "classes", fmt::format("in [0, {})", dataset.num_classes()), std::to_string(label));
    }
    auto& new_label = new_labels[static_cast<std::size_t>(label)];
    if (new_label != left_out) detail::fail<DataError>("select_classes", "classes", "different", fmt::format("{} twice", label));
    new_label = result.num_classes();
    result.class_names.push_back(dataset.class_names[static_cast<std::size_t>(label)]);
  }
  for (const auto& sample : dataset.samples) {
    const auto label = new_labels[static_cast<std::size_t>(sample.label)];
    if (label != left_out) result.samples.push_back({sample.path, label});
  }
  std::stable_sort(result.samples.begin(), result.samples.end(),
                   [](const Sample& a, const Sample& b) { return a.label < b.label; });
  return result;
}

Split zero_shot_split(const Dataset& dataset) {
  check_two_classes("zero_shot_split", dataset);
  std::vector<std::int64_t> train, test;
  for (std::int64_t label = 0; label < dataset.num_classes(); ++label) {
    (label < dataset.num_classes() / 2 ? train : test).push_back(label);
  }
  return {select_named(dataset, train, "/train"), select_named(dataset, test, "/test")};
}

Split validation_split(const Dataset& dataset, double share, Generator generator) {
  constexpr Bounds inside{0, 1, true, true};
  if (!inside.contain(share)) detail::fail<OptionError>("validation_split", "share", inside.text(), fmt::format("{}", share));
  check_two_classes("validation_split", dataset);
  const auto held_back = std::max<std::int64_t>(1, std::lround(share * static_cast<double>(dataset.num_classes())));
  if (held_back >= dataset.num_classes()) {
    detail::fail<DataError>("validation_split", "share", "such that classes are left to train on",
                            fmt::format("{} of {} classes", share, dataset.num_classes()));
  }
  const auto order = generator.permutation(dataset.num_classes());
  const auto* first = order.data_ptr<std::int64_t>();
  std::vector<std::int64_t> validation(first, first + held_back), train(first + held_back, first + dataset.num_classes());
  std::sort(validation.begin(), validation.end());
  std::sort(train.begin(), train.end());
  return {select_named(dataset, train, "/train"), select_named(dataset, validation, "/validation")};
}

}  // namespace diva
