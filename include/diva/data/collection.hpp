#pragma once

#include <diva/data/dataset.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace diva::inline v0_1 {

/// How many images and classes the two sides of a published data set have; 0 where none are published.
struct SplitCounts {
  std::int64_t train_images = 0, train_classes = 0, test_images = 0, test_classes = 0;
  bool operator==(const SplitCounts&) const = default;
};

/// A data set that the programs know by name.
struct KnownDataset {
  std::string name;    ///< As in `--dataset`.
  std::string layout;  ///< Which files are where.
  SplitCounts published;
};

/// cub200, cars196, online_products, in-shop, omniglot, folder (one sub-folder a class) and csv, in this order.
const std::vector<KnownDataset>& known_datasets();

/// The name of the data set whose layout a folder has; "folder" where it has none of the others, "csv" for a file.
std::string guess_dataset(const std::string& root);

/// Training and test of a data set by its protocol: the first half of the classes and the others, or the lists' own sides.
///
/// `root`: its folder, or the one that holds a folder of its name (also CUB_200_2011 and Stanford_Online_Products as archives call
///         them); for csv the table, or a folder with one .csv file.
/// Throws: OptionError with the nearest name for an unknown one; as its reader.
Split read_dataset(const std::string& name, const std::string& root, const ReadOptions& options = {});

SplitCounts counts_of(const Split& split);

/// An image that cannot be used, and why.
struct ImageFault {
  std::int64_t index = 0;  ///< In the data set.
  std::string path;
  std::string message;
};

/// Decodes every image whole, on LibTorch's threads, and tells which cannot be: all of them, in the order of the data set.
/// `progress` is called with the number of images done and their total, from any thread, one call at a time. Cost: about 0.5 ms an
/// image of 348 × 348 and thread.
std::vector<ImageFault> undecodable_images(const Dataset& dataset,
                                           const std::function<void(std::int64_t done, std::int64_t total)>& progress = {});

}  // namespace diva::inline v0_1
