#pragma once

#include <diva/core/files.hpp>

#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace diva::inline v0_1 {
namespace detail {

template <class Number>
concept CsvNumber = (std::integral<Number> || std::floating_point<Number>)&&!std::same_as<Number, bool>;

}  // namespace detail

/// A table of texts; every row has as many fields as there are columns.
struct CsvTable {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;

  /// The position of a column; OptionError with the nearest name when there is none.
  [[nodiscard]] std::size_t index_of(const std::string& column) const;
};

/// Reads comma-separated values as RFC 4180 describes them: fields in double quotes may hold commas, line breaks and doubled
/// quotes; lines end in LF or CRLF; the first record names the columns. A UTF-8 byte order mark is dropped. Spaces are kept.
///
/// Throws:  IoError with the file and the line for a record of another length than the first, a stray quote, a quote that is never
///          closed, and a file without a header.
CsvTable read_csv(const std::string& path);

/// The same from memory; `name` stands for the path in messages.
CsvTable parse_csv(std::string_view text, const std::string& name);

/// Writes a whole table through AtomicFile; read_csv gives it back. ShapeError when a row has another length than `columns`.
void write_csv(const std::string& path, const CsvTable& table);

/// What write_csv writes; `name` stands for the path in messages.
std::string csv_text(const CsvTable& table, const std::string& name);

/// One field to write: a text or a number, the latter in the fewest digits that read back as the same value ("nan" and "inf" too).
struct CsvValue {
  CsvValue(std::string value) : text(std::move(value)) {}
  CsvValue(std::string_view value) : text(value) {}
  CsvValue(const char* value) : text(value) {}
  template <detail::CsvNumber Number>
  CsvValue(Number value) {
    char digits[64];
    text.assign(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  }

  std::string text;
};

enum class CsvMode {
  replace,  ///< Start anew.
  append,   ///< Go on after the rows of a file with the same columns, as a resumed run does; start one where none is.
};

/// A log in CSV: each row reaches the file whole, in one write, or not at all, so that a run that is killed leaves a readable file.
///
/// Throws:  IoError when the file cannot be written, or when the one to append to has other columns or ends within a line;
///          ShapeError when a row has another length than `columns`.
class CsvWriter {
 public:
  CsvWriter(std::string path, const std::vector<std::string>& columns, CsvMode mode = CsvMode::replace);
  void append(const std::vector<CsvValue>& row);

 private:
  void write(const std::string& line);

  std::string path_;
  std::size_t columns_;
  detail::Descriptor file_;
};

}  // namespace diva::inline v0_1
