#pragma once

#include <diva/core/generator.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace diva {

/// One image file and its class.
struct Sample {
  std::string path;
  std::int64_t label = 0;
  bool operator==(const Sample&) const = default;
};

/// A labelled list of image files; nothing is decoded here.
///
/// The readers below sort classes and files by the bytes of their names, so the order does not depend on file system or locale;
/// where lists come with the data, theirs is the order of images in a class. They take `.jpg`, `.jpeg` and `.png` files (in any
/// case) as images. Hidden files, and files that are known not to be images (texts, tables, archives, `Thumbs.db`, README, …), are
/// left out and listed in `ignored_files`; any other file stops the reader with its name, so that no image is ever lost in silence.
struct Dataset {
  std::string name;
  std::vector<Sample> samples;                  ///< Ordered by label.
  std::vector<std::string> class_names;         ///< Labels are 0 … class_names.size()−1.
  std::vector<std::string> ignored_files = {};  ///< Files that were found and left out.

  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(samples.size()); }
  [[nodiscard]] std::int64_t num_classes() const { return static_cast<std::int64_t>(class_names.size()); }
  [[nodiscard]] std::vector<std::int64_t> labels() const;  ///< Of all samples, in order.
};

/// One class for each sub-folder of `root`, images directly inside.
/// Throws: IoError when `root` is missing; DataError when it has no sub-folder, a class folder has no image or has sub-folders,
///         or a file is neither an image nor known not to be one.
Dataset folder_of_classes(const std::string& root);

/// The images directly inside `root`, without classes: all are of one, named as the folder. For embedding and searching.
/// Throws: as `folder_of_classes`; DataError when there is no image.
Dataset folder_of_images(const std::string& root);

/// The layout of CUB-200-2011: `images/NNN.Class/*.jpg` listed by `images.txt` (number, path) and `image_class_labels.txt` (number,
/// class from 1 on). Without both lists the folders of `images/` are read instead. Images that the lists leave out are in
/// `ignored_files`.
/// Throws: as `folder_of_classes`; IoError for a listed file that is missing, DataError for a malformed line.
Dataset cub200(const std::string& root);

/// The two parts of Omniglot, whose alphabets are disjoint.
enum class OmniglotPart {
  background,  ///< images_background: 964 characters, the official training side.
  evaluation,  ///< images_evaluation: 659 characters.
};

constexpr auto enumerators(OmniglotPart) {
  return std::array{std::pair{OmniglotPart::background, "background"}, std::pair{OmniglotPart::evaluation, "evaluation"}};
}

/// `root/images_<part>/Alphabet/characterNN/*.png`; classes are named "Alphabet/characterNN".
/// Throws: as `folder_of_classes`.
Dataset omniglot(const std::string& root, OmniglotPart part);

/// The samples of these classes, relabelled 0, 1, … in the order given.
/// Throws: DataError for a class that does not exist or is named twice.
Dataset select_classes(const Dataset& dataset, const std::vector<std::int64_t>& classes);

/// Two data sets without a common class; labels start from 0 in each.
struct Split {
  Dataset train;
  Dataset test;
};

/// The usual protocol of deep metric learning: of C classes the first ⌊C/2⌋ train and the rest test (CUB: 100 and 100).
/// Throws: DataError for fewer than two classes.
Split zero_shot_split(const Dataset& dataset);

/// Holds ⌊share · C⌉ classes back, at least one, drawn at random, to choose a model without looking at test classes. Both parts
/// keep the order of classes.
/// Throws: OptionError unless 0 < share < 1; DataError for fewer than two classes, or when none would be left to train on.
Split validation_split(const Dataset& dataset, double share, Generator generator);

}  // namespace diva
