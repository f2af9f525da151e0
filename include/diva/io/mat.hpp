#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace diva::inline v0_1 {

enum class MatKind { numbers, text, cells, structs };

/// A variable of MATLAB: an array of numbers, a text, an array of cells, or an array of structs. Elements stand in MATLAB's order,
/// the first index fastest.
struct MatArray {
  MatKind kind = MatKind::numbers;
  std::vector<std::int64_t> sizes = {};  ///< Two at least.
  std::vector<double> numbers = {};      ///< Of `numbers`; logical values are 0 and 1.
  std::string text = {};                 ///< Of `text`, UTF-8, the rows of a matrix one after the other by columns.
  std::vector<std::string> fields = {};  ///< Of `structs`.
  std::vector<MatArray> elements = {};   ///< Cells, or the fields of struct 0, then of struct 1, ….

  /// Field `name` of struct `index`. DataError when this is no struct array, or has none of that name or number.
  [[nodiscard]] const MatArray& field(std::int64_t index, const std::string& name) const;
  /// How many elements an array has: the product of `sizes`.
  [[nodiscard]] std::int64_t size() const;
};

/// Reads a MAT file of version 5 (also 6 and 7, which compress): what annotations of data sets are kept in. Real numbers of every
/// type, texts, cells and structs, in either byte order; variables of other kinds (sparse, complex, objects, functions) are
/// refused.
///
/// Source:  MathWorks, MAT-File Format, the description of level 5.
/// Edge:    version 7.3, which is HDF5, and 4 are refused by name.
/// Throws:  IoError with the name for what is cut short, malformed, nested beyond 16 levels or larger than 2^28 elements.
std::map<std::string, MatArray> parse_mat(std::span<const std::uint8_t> bytes, const std::string& name);

/// read_file and parse_mat.
std::map<std::string, MatArray> read_mat(const std::string& path);

}  // namespace diva::inline v0_1
