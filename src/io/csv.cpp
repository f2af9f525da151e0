#include <fcntl.h>
#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/core/options.hpp>
#include <diva/io/csv.hpp>

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace diva::inline v0_1 {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string_view as_text(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string quoted(const std::string& field) {
  if (field.find_first_of(",\"\r\n") == std::string::npos && !field.starts_with(byte_order_mark)) return field;
  std::string result = "\"";
  for (const char c : field) result.append(c == '"' ? 2 : 1, c);
  return result + '"';
}

std::string line_of(const std::vector<std::string>& fields, std::size_t columns, const std::string& name) {
  if (fields.size() != columns || columns == 0) {
    detail::fail<ShapeError>("write_csv", fmt::format("a row of '{}'", name),
                             fmt::format("{} values", std::max<std::size_t>(columns, 1)), fmt::format("{}", fields.size()));
  }
  // An empty line would not be a record.
  if (fields.size() == 1 && fields[0].empty()) return "\"\"\n";
  std::string line;
  for (const auto& field : fields) {
    line += quoted(field);
    line += ',';
  }
  line.back() = '\n';
  return line;
}

/// Takes records off the front of a text.
class Reader {
 public:
  Reader(std::string_view text, const std::string& name) : text_(text), name_(name) {
    if (text_.starts_with(byte_order_mark)) position_ = byte_order_mark.size();
  }

  [[nodiscard]] bool at_end() const { return position_ == text_.size(); }
  [[nodiscard]] std::size_t line() const { return line_; }

  std::vector<std::string> record() {
    std::vector<std::string> fields;
    do {
      fields.push_back(field());
    } while (accept(","));
    if (!accept("\r\n") && !accept("\n") && !at_end())
      fail(line_, "followed by a comma or a line end where a quote closes", text_.substr(position_, 1));
    ++line_;
    return fields;
  }

  [[noreturn]] void fail(std::size_t line, std::string_view expected, std::string_view got) const {
    detail::fail<IoError>("read_csv", fmt::format("'{}', line {}:", name_, line), expected, got);
  }

 private:
  bool accept(std::string_view token) {
    if (!text_.substr(position_).starts_with(token)) return false;
    position_ += token.size();
    return true;
  }

  std::string field() {
    if (accept("\"")) return quoted_field();
    auto end = std::min(text_.find_first_of(",\n", position_), text_.size());
    if (end < text_.size() && text_[end] == '\n' && end > position_ && text_[end - 1] == '\r') --end;
    const auto field = text_.substr(position_, end - position_);
    if (field.find('"') != std::string_view::npos) fail(line_, "without quotes inside a field that does not start with one", field);
    position_ = end;
    return std::string(field);
  }

  std::string quoted_field() {
    const auto first_line = line_;
    std::string field;
    while (!at_end()) {
      if (accept("\"\"")) {
        field += '"';
      } else if (accept("\"")) {
        return field;
      } else {
        line_ += text_[position_] == '\n';
        field += text_[position_++];
      }
    }
    fail(first_line, "a closed quote", "the end of the file");
  }

  std::string_view text_;
  const std::string& name_;
  std::size_t position_ = 0;
  std::size_t line_ = 1;
};

}  // namespace

std::size_t CsvTable::index_of(const std::string& column) const {
  const auto found = std::find(columns.begin(), columns.end(), column);
  if (found == columns.end()) detail::fail_unknown("CsvTable", "column", column, columns);
  return static_cast<std::size_t>(found - columns.begin());
}

CsvTable parse_csv(std::string_view text, const std::string& name) {
  Reader reader(text, name);
  if (reader.at_end()) reader.fail(1, "a header with the columns' names", "an empty file");
  CsvTable table{.columns = reader.record(), .rows = {}};
  while (!reader.at_end()) {
    const auto line = reader.line();
    auto row = reader.record();
    if (row.size() != table.columns.size()) {
      reader.fail(line, fmt::format("a record of {} fields like the first", table.columns.size()), fmt::format("{}", row.size()));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

CsvTable read_csv(const std::string& path) { return parse_csv(as_text(read_file(path)), path); }

std::string csv_text(const CsvTable& table, const std::string& name) {
  std::string text = line_of(table.columns, table.columns.size(), name);
  for (const auto& row : table.rows) text += line_of(row, table.columns.size(), name);
  return text;
}

void write_csv(const std::string& path, const CsvTable& table) { write_file_atomically(path, as_bytes(csv_text(table, path))); }

namespace {

// Starts the file where there is none to go on with. It comes with its header, so that nobody, not even the run that goes on after one
// that was killed here, finds a table without columns.
std::string started(std::string path, const std::vector<std::string>& columns, CsvMode mode) {
  const auto header = line_of(columns, columns.size(), path);
  std::error_code missing;
  const auto status = std::filesystem::status(path, missing);
  const bool fresh = !std::filesystem::exists(status) || (std::filesystem::is_regular_file(status) &&
                                                          (mode == CsvMode::replace || std::filesystem::file_size(path) == 0));
  if (fresh) write_file_atomically(path, as_bytes(header));
  return path;
}

}  // namespace

CsvWriter::CsvWriter(std::string path, const std::vector<std::string>& columns, CsvMode mode)
    : path_(started(std::move(path), columns, mode)),
      columns_(columns.size()),
      file_("CsvWriter", path_, O_RDWR | O_APPEND, "a writable file") {
  if (detail::file_size("CsvWriter", path_, file_.get()) == 0) {  // a pipe or a terminal
    write(line_of(columns, columns_, path_));
    return;
  }
  const auto bytes = read_file(path_);
  const auto existing = parse_csv(as_text(bytes), path_);
  if (existing.columns != columns) {
    detail::fail<IoError>("CsvWriter", fmt::format("'{}'", path_), "a file with the columns " + line_of(columns, columns_, path_),
                          line_of(existing.columns, existing.columns.size(), path_));
  }
  if (bytes.back() != '\n')
    detail::fail<IoError>("CsvWriter", fmt::format("'{}'", path_), "a file that ends with a line end", "a part of a row");
}

void CsvWriter::append(const std::vector<CsvValue>& row) {
  std::vector<std::string> fields;
  fields.reserve(row.size());
  for (const auto& value : row) fields.push_back(value.text);
  write(line_of(fields, columns_, path_));
}

void CsvWriter::write(const std::string& line) { detail::append_whole("CsvWriter", path_, file_.get(), as_bytes(line)); }

}  // namespace diva::inline v0_1
