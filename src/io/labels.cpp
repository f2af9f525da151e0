#include <fmt/format.h>
#include <diva/core/checks.hpp>
#include <diva/core/error.hpp>
#include <diva/core/files.hpp>
#include <diva/io/csv.hpp>
#include <diva/io/labels.hpp>
#include <diva/io/npy.hpp>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace diva::inline v0_1 {
namespace {

[[noreturn]] void fail_read(const std::string& what, std::string_view expected, std::string_view got) {
  detail::fail<IoError>("read_labels", what, expected, got);
}

/// Of one file: numbers, or texts where `numbers` is undefined.
struct Entries {
  torch::Tensor numbers;
  std::vector<std::string> texts;
};

std::optional<std::int64_t> whole_number(const std::string& text) {
  std::int64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return {};
  return value;
}

/// Texts that are all whole numbers become numbers.
Entries from_texts(std::vector<std::string> texts) {
  std::vector<std::int64_t> numbers;
  for (const auto& text : texts) {
    const auto number = whole_number(text);
    if (!number) return {{}, std::move(texts)};
    numbers.push_back(*number);
  }
  return {torch::tensor(numbers, torch::kInt64), std::move(texts)};
}

Entries from_npy(const std::string& path) {
  if (npy_holds_texts(path)) return from_texts(read_npy_texts(path));
  auto values = read_npy(path);
  if (values.dim() != 1 || values.is_floating_point())
    fail_read(fmt::format("'{}'", path), "[N] whole numbers or texts", detail::describe(values));
  return {values.to(torch::kInt64), {}};
}

Entries from_json_list(const std::string& path) {
  const auto bytes = read_file(path);
  nlohmann::json list;
  try {
    list = nlohmann::json::parse(bytes.begin(), bytes.end());
  } catch (const nlohmann::json::exception& error) {
    fail_read(fmt::format("'{}'", path), "valid JSON", error.what());
  }
  if (!list.is_array()) fail_read(fmt::format("'{}'", path), "a list of labels", list.type_name());
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!list[i].is_string() && !list[i].is_number_integer()) {
      fail_read(fmt::format("element {} of '{}'", i, path), "a text or a whole number", list[i].type_name());
    }
    texts.push_back(list[i].is_string() ? list[i].get<std::string>() : list[i].dump());
  }
  return from_texts(std::move(texts));
}

Entries from_csv(const std::string& path) {
  auto table = read_csv(path);
  const auto column = table.columns.size() == 1 ? 0 : table.index_of("label");
  std::vector<std::string> texts;
  for (auto& row : table.rows) texts.push_back(std::move(row[column]));
  return from_texts(std::move(texts));
}

Entries from_lines(const std::string& path) {
  const auto bytes = read_file(path);
  std::string_view rest(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::vector<std::string> texts;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    auto line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) fail_read(fmt::format("'{}':{}", path, texts.size() + 1), "a label", "an empty line");
    texts.emplace_back(line);
  }
  return from_texts(std::move(texts));
}

Entries read_entries(const std::string& path) {
  if (path.ends_with(".npy")) return from_npy(path);
  if (path.ends_with(".json")) return from_json_list(path);
  return path.ends_with(".csv") ? from_csv(path) : from_lines(path);
}

/// The numbers of a file as the texts that its neighbours' labels are compared with.
std::vector<std::string> as_texts(Entries entries) {
  if (!entries.texts.empty() || !entries.numbers.defined()) return std::move(entries.texts);
  std::vector<std::string> texts;
  const auto numbers = entries.numbers.contiguous();
  for (std::int64_t i = 0; i < numbers.size(0); ++i) texts.push_back(std::to_string(numbers.data_ptr<std::int64_t>()[i]));
  return texts;
}

}  // namespace

LabelLists read_labels(const std::vector<std::string>& paths) {
  std::vector<Entries> files;
  for (const auto& path : paths) files.push_back(read_entries(path));
  LabelLists result;
  if (std::all_of(files.begin(), files.end(), [](const Entries& file) { return file.numbers.defined(); })) {
    for (const auto& file : files) result.labels.push_back(file.numbers);
    return result;
  }
  std::vector<std::vector<std::string>> texts;
  for (auto& file : files) texts.push_back(as_texts(std::move(file)));
  auto& names = result.class_names;
  for (const auto& file : texts) names.insert(names.end(), file.begin(), file.end());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (const auto& file : texts) {
    std::vector<std::int64_t> labels;
    for (const auto& text : file) labels.push_back(std::lower_bound(names.begin(), names.end(), text) - names.begin());
    result.labels.push_back(torch::tensor(labels, torch::kInt64));
  }
  return result;
}

}  // namespace diva::inline v0_1
