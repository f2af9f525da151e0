#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/data/csv_dataset.hpp>
#include <diva/io/csv.hpp>

#include "reading.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <utility>

namespace diva::inline v0_1 {
namespace {

namespace fs = std::filesystem;
using detail::LabelledFile;

// pandas writes what is missing as nothing, and whole numbers of a column with gaps as 3.0.
std::optional<double> number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool is_missing(const std::string& text) {
  const auto word = lower_case(text);
  return word.empty() || word == "nan" || word == "none" || word == "null";
}

// A row of the table with its columns by name.
class Row {
 public:
  Row(const CsvTable& table, std::size_t index) : table_(table), cells_(table.rows[index]) {}

  // The text of a column; empty where the table lacks it.
  [[nodiscard]] std::string text(const std::string& column) const {
    const auto found = std::find(table_.columns.begin(), table_.columns.end(), column);
    return found == table_.columns.end() ? std::string() : cells_[static_cast<std::size_t>(found - table_.columns.begin())];
  }

  // Nothing where the cell is empty; DataError where it is no truth value.
  [[nodiscard]] std::optional<bool> truth(const std::string& column) const {
    const auto word = lower_case(text(column));
    if (is_missing(word)) return std::nullopt;
    if (word == "true" || word == "1" || word == "1.0") return true;
    if (word == "false" || word == "0" || word == "0.0") return false;
    throw DataError(fmt::format("{} must be true or false, got '{}'", column, word));
  }

  [[nodiscard]] std::optional<std::int64_t> whole(const std::string& column) const {
    const auto word = text(column);
    if (is_missing(word)) return std::nullopt;
    const auto value = number(word);
    if (!value || std::abs(*value) > 9e15) throw DataError(fmt::format("{} must be a number, got '{}'", column, word));
    return static_cast<std::int64_t>(std::llround(*value));
  }

  [[nodiscard]] Box box() const {
    const auto left = whole("x_1"), top = whole("y_1"), right = whole("x_2"), bottom = whole("y_2");
    if (!left && !top && !right && !bottom) return {};
    if (!left || !top || !right || !bottom || *left < 0 || *top < 0 || *right <= *left || *bottom <= *top) {
      throw DataError(fmt::format("the box must have 0 <= x_1 < x_2 and 0 <= y_1 < y_2, got ({}, {}) to ({}, {})", text("x_1"),
                                  text("y_1"), text("x_2"), text("y_2")));
    }
    return {*top, *left, *bottom - *top, *right - *left};
  }

 private:
  const CsvTable& table_;
  const std::vector<std::string>& cells_;
};

LabelledFile read_row(const Row& row, const fs::path& folder) {
  const auto label = row.text("label");
  if (is_missing(label)) throw DataError("label must be given, got nothing");
  constexpr std::int64_t behind_numbers = std::int64_t{1} << 60;
  const auto value = number(label);
  LabelledFile file;
  file.class_order =
      value && std::abs(*value) < 9e15 && std::floor(*value) == *value ? static_cast<std::int64_t>(*value) : behind_numbers;
  file.class_name = label;
  const auto category = row.text("category");
  if (!is_missing(category)) file.category = category;
  file.sample.path = (folder / row.text("path")).string();
  file.sample.sequence = row.whole("sequence").value_or(-1);
  file.sample.box = row.box();
  return file;
}

// Query and gallery of a validation row: both where the table does not say.
void read_roles(const Row& row, Sample& sample) {
  const auto query = row.truth("is_query"), gallery = row.truth("is_gallery");
  if (!query && !gallery) return;
  sample.is_query = query.value_or(false);
  sample.is_gallery = gallery.value_or(false);
  if (!sample.is_query && !sample.is_gallery) throw DataError("a validation image must be query, gallery or both, got neither");
}

}  // namespace

Split csv_dataset(const std::string& path, const ReadOptions& options) {
  detail::Reading reading("csv_dataset", options);
  const auto table = read_csv(path);
  for (const char* column : {"label", "path", "split"}) static_cast<void>(table.index_of(column));
  const auto folder = fs::path(path).parent_path();
  std::vector<LabelledFile> train, validation;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const Row row(table, i);
    try {
      auto file = read_row(row, folder);
      const auto side = lower_case(row.text("split"));
      const bool trains = side == "train";
      if (!trains && side != "validation" && side != "val" && side != "test") {
        throw DataError(fmt::format("split must be train, validation or test, got '{}'", row.text("split")));
      }
      if (!trains) read_roles(row, file.sample);
      if (!reading.has_file(file.sample.path, path)) continue;
      (trains ? train : validation).push_back(std::move(file));
    } catch (const DataError& error) {
      // Rows are numbered as in the file, the header being 1 and no field having a line break.
      reading.fault<DataError>(fmt::format("{}:{}", path, i + 2), "a row of an image", error.what());
    }
  }
  if (train.empty() || validation.empty()) {
    reading.fault<DataError>(path, "a table with rows to train on and rows to validate",
                             fmt::format("{} and {}", train.size(), validation.size()));
  }
  const auto name = fs::path(path).stem().string();
  Split split{detail::assemble(name + "/train", std::move(train)), detail::assemble(name + "/validation", std::move(validation))};
  split.train = reading.finish(std::move(split.train));
  return split;
}

}  // namespace diva::inline v0_1
