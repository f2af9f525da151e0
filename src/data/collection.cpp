#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/core/files.hpp>
#include <diva/core/options.hpp>
#include <diva/data/collection.hpp>
#include <diva/data/csv_dataset.hpp>
#include <diva/data/retrieval_sets.hpp>
#include <diva/data/splits.hpp>

#include "reading.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>

namespace diva::inline v0_1 {
namespace {

namespace fs = std::filesystem;

// A data set of a name lies in the folder itself, or in one of these inside it.
fs::path root_of(const std::string& name, const std::string& root) {
  std::vector<std::string> inner = {name};
  if (name == "cub200") inner.emplace_back("CUB_200_2011");
  if (name == "online_products") inner.emplace_back("Stanford_Online_Products");
  return detail::folder_in(root, inner);
}

std::string table_of(const fs::path& root) {
  if (!fs::is_directory(root)) return root.string();
  std::vector<std::string> tables;
  for (const auto& entry : fs::directory_iterator(root)) {
    if (entry.path().extension() == ".csv") tables.push_back(entry.path().string());
  }
  if (tables.size() != 1) {
    detail::fail<DataError>("read_dataset", root.string(), "a table, or a folder with one .csv file",
                            fmt::format("a folder with {}", tables.size()));
  }
  return tables.front();
}

}  // namespace

const std::vector<KnownDataset>& known_datasets() {
  static const std::vector<KnownDataset> known = {
      {"cub200", "images/NNN.Class/*.jpg, images.txt and image_class_labels.txt, or the folders alone", {5864, 100, 5924, 100}},
      {"cars196", "cars_annos.mat and car_ims/*.jpg, or images/CLASS/*.jpg", {8054, 98, 8131, 98}},
      {"online_products",
       "Ebay_train.txt, Ebay_test.txt and KIND_final/*.JPG (lists also in Info_Files, images in images)",
       {59551, 11318, 60502, 11316}},
      {"in-shop", "list_eval_partition.txt and img/... (the list also in Eval, images in Img/img)", {25882, 3997, 26830, 3985}},
      {"omniglot", "images_background/ALPHABET/characterNN/*.png and images_evaluation/...", {19280, 964, 13180, 659}},
      {"folder", "CLASS/*.jpg; the first half of the classes trains", {}},
      {"csv", "a table with the columns label, path, split and others of open-metric-learning", {}},
  };
  return known;
}

std::string guess_dataset(const std::string& root) {
  const fs::path folder = root;
  const auto has = [&](std::initializer_list<const char*> names) {
    return std::any_of(names.begin(), names.end(), [&](const char* name) { return fs::exists(folder / name); });
  };
  if (fs::is_regular_file(folder)) return "csv";
  if (has({"images.txt", "image_class_labels.txt", "CUB_200_2011"})) return "cub200";
  if (has({"cars_annos.mat"})) return "cars196";
  if (has({"Ebay_train.txt", "Info_Files/Ebay_train.txt"})) return "online_products";
  if (has({"list_eval_partition.txt", "Eval/list_eval_partition.txt", "Anno/list_eval_partition.txt",
           "Info_Files/list_eval_partition.txt"})) {
    return "in-shop";
  }
  if (has({"images_background", "images_evaluation"})) return "omniglot";
  for (const auto& known : known_datasets()) {
    if (known.name != "folder" && known.name != "csv" && fs::is_directory(folder / known.name)) return known.name;
  }
  if (has({"images"})) return "cub200";
  return "folder";
}

Split read_dataset(const std::string& name, const std::string& root, const ReadOptions& options) {
  const auto inner = root_of(name, root).string();
  // Faults of a set that is read as one stay with its training side.
  const auto zero_shot = [&](const Dataset& dataset) {
    if (options.tolerant && dataset.num_classes() < 2) {
      Split rest{dataset, {.name = dataset.name, .samples = {}, .class_names = {}}};
      rest.train.faults.push_back(
          detail::error_text("read_dataset", root, "of at least 2 classes", std::to_string(dataset.num_classes())));
      return rest;
    }
    auto split = zero_shot_split(dataset);
    split.train.faults = dataset.faults;
    split.train.ignored_files = dataset.ignored_files;
    return split;
  };
  if (name == "cub200") return zero_shot(cub200(inner, options));
  if (name == "cars196") return zero_shot(cars196(inner, options));
  if (name == "online_products") return online_products(inner, options);
  if (name == "in-shop") return in_shop(inner, options);
  if (name == "omniglot") {
    return {omniglot(inner, OmniglotPart::background, options), omniglot(inner, OmniglotPart::evaluation, options)};
  }
  if (name == "folder") return zero_shot(folder_of_classes(inner, options));
  if (name == "csv") return csv_dataset(table_of(root), options);
  std::vector<std::string> names;
  for (const auto& known : known_datasets()) names.push_back(known.name);
  detail::fail_unknown("read_dataset", "data set", name, names);
}

SplitCounts counts_of(const Split& split) {
  return {split.train.size(), split.train.num_classes(), split.test.size(), split.test.num_classes()};
}

std::vector<ImageFault> undecodable_images(const Dataset& dataset,
                                           const std::function<void(std::int64_t done, std::int64_t total)>& progress) {
  const auto total = dataset.size();
  std::vector<ImageFault> faults;
  std::atomic<std::int64_t> next = 0;
  std::mutex mutex;
  std::int64_t done = 0;
  const auto check = [&](std::int64_t index) {
    const auto& sample = dataset.samples[static_cast<std::size_t>(index)];
    std::string message;
    try {
      const auto image = decode_image(read_file(sample.path), sample.path);
      const auto& box = sample.box;
      if (box.top + box.height > image.height || box.left + box.width > image.width) {
        message = fmt::format("the box of {} x {} at row {}, column {} leaves the image of {} x {}", box.height, box.width, box.top,
                              box.left, image.height, image.width);
      }
    } catch (const Error& error) {
      message = error.what();
    }
    const std::scoped_lock lock(mutex);
    if (!message.empty()) faults.push_back({index, sample.path, message});
    ++done;
    if (progress) progress(done, total);
  };
  // Every thread takes the next image that is left: sizes differ too much for equal shares.
  at::parallel_for(0, at::get_num_threads(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t thread = begin; thread < end; ++thread) {
      for (std::int64_t index = next++; index < total; index = next++) check(index);
    }
  });
  std::sort(faults.begin(), faults.end(), [](const ImageFault& a, const ImageFault& b) { return a.index < b.index; });
  return faults;
}

}  // namespace diva::inline v0_1
