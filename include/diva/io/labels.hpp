#pragma once

#include <torch/types.h>

#include <string>
#include <vector>

namespace diva::inline v0_1 {

/// Labels of several files in one numbering.
struct LabelLists {
  std::vector<torch::Tensor> labels;     ///< One a file: [N] int64.
  std::vector<std::string> class_names;  ///< Of the labels 0, 1, … where the files hold texts; empty where they hold numbers.
};

/// Reads one label a sample from each file, such as those of queries and of a gallery. The kind is told by the end of the name:
///
///   .npy    [N], whole numbers or texts (U, S)
///   .json   a list of whole numbers or of texts
///   .csv    the column `label`, or the only column
///   others  one label a line; LF or CRLF
///
/// Where every label of every file is a whole number of 64 bits, the numbers are the labels. Otherwise all are texts ("7" too), and
/// the label is the place of its text among all that occur, ordered by their bytes.
///
/// Edge:    an empty file has no labels. Spaces are part of a text.
/// Throws:  IoError with the file, and the line or element at fault: an empty line among others, other types, other shapes.
LabelLists read_labels(const std::vector<std::string>& paths);

}  // namespace diva::inline v0_1
