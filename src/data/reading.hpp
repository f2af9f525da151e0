#pragma once

#include <diva/core/error.hpp>
#include <diva/data/dataset.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// What the readers of data sets share.
namespace diva::inline v0_1::detail {

/// One reading of a data set: errors are thrown, or noted where the reader is tolerant.
class Reading {
 public:
  Reading(const char* function, const ReadOptions& options) : function_(function), options_(options) {}

  template <class Kind>
  void fault(const std::string& argument, const std::string& expected, const std::string& got) {
    if (!options_.tolerant) fail<Kind>(function_, argument, expected, got);
    faults_.push_back(error_text(function_, argument, expected, got));
  }

  [[nodiscard]] const char* function() const { return function_; }
  [[nodiscard]] bool tolerant() const { return options_.tolerant; }
  [[nodiscard]] bool checks_files() const { return options_.check_files; }

  /// Whether a listed file can be used: it is there, or is not looked for. Otherwise a fault.
  bool has_file(const std::filesystem::path& path, const std::string& list);

  /// Gives the data set its faults; the last step of every reader.
  Dataset finish(Dataset dataset) {
    dataset.faults = std::move(faults_);
    return dataset;
  }

 private:
  const char* function_;
  ReadOptions options_;
  std::vector<std::string> faults_;
};

/// A line of a list, cut at white space; the last word takes what remains, as paths may have blanks.
struct ListLine {
  std::vector<std::string> words;
  std::int64_t row = 0;  ///< From 1 on.
};

/// The lines of a file behind its first `skip` ones, without empty ones. A line of fewer than `columns` words is a fault; a file
/// that cannot be read is an IoError, tolerant or not.
std::vector<ListLine> read_list(Reading& reading, const std::filesystem::path& path, std::size_t columns, std::int64_t skip = 0);

/// A whole number of up to nine digits.
std::optional<std::int64_t> whole_number(const std::string& text);

/// An image of a list before classes have their numbers.
struct LabelledFile {
  Sample sample;  ///< Without label and category.
  std::int64_t class_order = 0;
  std::string class_name;
  std::string category;  ///< Empty: none.
};

/// Numbers the classes by (class_order, class_name) and the categories by name, and sorts the samples by label, in a class as
/// given.
Dataset assemble(std::string name, std::vector<LabelledFile> files);

/// The first of these folders of `root` that is there; `root` itself where none is.
std::filesystem::path folder_in(const std::filesystem::path& root, const std::vector<std::string>& names);

}  // namespace diva::inline v0_1::detail
