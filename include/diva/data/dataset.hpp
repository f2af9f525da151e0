#pragma once

#include <diva/core/generator.hpp>
#include <diva/io/image.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace diva::inline v0_1 {

/// One image file, its class, and what some data sets say beyond.
struct Sample {
  std::string path;
  std::int64_t label = 0;
  std::int64_t category = -1;  ///< Super-class, an index into Dataset::category_names; −1 where there is none.
  std::int64_t sequence = -1;  ///< Frames of one track share a number; −1 where there is none.
  bool is_query = true;        ///< Is looked for in the test.
  bool is_gallery = true;      ///< Is looked through. Both true: every test image is a query against all others.
  Box box = {};                ///< The part of the file's image that counts; all of it where empty.
  bool operator==(const Sample&) const = default;
};

/// How a data set is read.
struct ReadOptions {
  bool check_files = true;  ///< A listed file that is missing is an error; false takes lists at their word.
  bool tolerant = false;    ///< Errors in lists and folders become entries of Dataset::faults, and what they concern is left out.
};

/// A labelled list of image files; nothing is decoded here.
///
/// The readers below sort classes and files by the bytes of their names, so the order does not depend on file system or locale;
/// where lists come with the data, theirs is the order of images in a class. They take `.jpg`, `.jpeg` and `.png` files (in any
/// case) as images. Hidden files, and files that are known not to be images (texts, tables, archives, `Thumbs.db`, README, …), are
/// left out and listed in `ignored_files`; any other file stops the reader with its name, so that no image is ever lost in silence.
struct Dataset {
  std::string name;
  std::vector<Sample> samples;                   ///< Ordered by label.
  std::vector<std::string> class_names;          ///< Labels are 0 … class_names.size()−1.
  std::vector<std::string> ignored_files = {};   ///< Files that were found and left out.
  std::vector<std::string> category_names = {};  ///< Of super-classes.
  std::vector<std::string> faults = {};          ///< What a tolerant reader did not throw.

  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(samples.size()); }
  [[nodiscard]] std::int64_t num_classes() const { return static_cast<std::int64_t>(class_names.size()); }
  [[nodiscard]] std::vector<std::int64_t> labels() const;  ///< Of all samples, in order.
};

/// One class for each sub-folder of `root`, images directly inside.
/// Throws: IoError when `root` is missing; DataError when it has no sub-folder, a class folder has no image or has sub-folders,
///         or a file is neither an image nor known not to be one.
Dataset folder_of_classes(const std::string& root, const ReadOptions& options = {});

/// The images directly inside `root`, without classes: all are of one, named as the folder. For embedding and searching.
/// Throws: as `folder_of_classes`; DataError when there is no image.
Dataset folder_of_images(const std::string& root);

/// The layout of CUB-200-2011: `images/NNN.Class/*.jpg` listed by `images.txt` (number, path) and `image_class_labels.txt` (number,
/// class from 1 on). Without both lists the folders of `images/` are read instead, which is the reference code's layout. Images
/// that the lists leave out are in `ignored_files`. Throws: as `folder_of_classes`; IoError for a listed file that is missing,
/// DataError for a malformed line.
Dataset cub200(const std::string& root, const ReadOptions& options = {});

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
Dataset omniglot(const std::string& root, OmniglotPart part, const ReadOptions& options = {});

/// Two data sets, usually without a common class; labels start from 0 in each.
struct Split {
  Dataset train;
  Dataset test;
};

}  // namespace diva::inline v0_1
