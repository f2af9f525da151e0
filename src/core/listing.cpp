#include <diva/core/listing.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace diva::inline v0_1 {
namespace {

// Text inside a table's cell: a bar would end it.
std::string cell(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '|') result += '\\';
    result += c;
  }
  return result;
}

// The values that differ from those of another name of the same concept: "margin = 0.05, reducer.kind = non_zero_mean".
std::string differing(const std::vector<OptionText>& options, const std::vector<OptionText>& standard) {
  std::string result;
  for (const auto& option : options) {
    const auto same = std::find_if(standard.begin(), standard.end(), [&](const auto& other) { return other.name == option.name; });
    if (same != standard.end() && same->value == option.value) continue;
    result += fmt::format("{}{} = {}", result.empty() ? "" : ", ", option.name, option.value);
  }
  return result;
}

std::string table(const std::vector<OptionText>& options) {
  if (options.empty()) return "";
  std::string text = "\n| option | default | values | meaning |\n|---|---|---|---|\n";
  for (const auto& option : options) {
    text += fmt::format("| `{}` | {} | {} | {} |\n", option.name, cell(option.value), cell(option.range), cell(option.meaning));
  }
  return text;
}

}  // namespace

namespace detail {

std::string value_text(bool value) { return value ? "true" : "false"; }
std::string value_text(std::int64_t value) { return fmt::format("{}", value); }
std::string value_text(double value) {
  return std::isinf(value) ? (value > 0 ? "infinity" : "-infinity") : fmt::format("{}", value);
}
std::string value_text(const std::string& value) { return value; }

}  // namespace detail

std::string to_markdown(std::string_view title, const std::vector<Listing>& listings, const std::vector<OptionText>& common) {
  auto page = fmt::format("## {}\n\n| name | formula | source | cost |\n|---|---|---|---|\n", title);
  const auto is_alias = [](const Listing& listing) { return listing.summary.alias_of != nullptr; };
  for (const auto& listing : listings) {
    if (is_alias(listing)) continue;
    page += fmt::format("| `{}` | {} | {} | {} |\n", listing.name, cell(listing.summary.formula), cell(listing.summary.source),
                        cell(listing.summary.cost));
  }
  page += table(common);
  for (const auto& listing : listings) {
    if (is_alias(listing)) continue;
    std::string aliases;
    for (const auto& other : listings) {
      if (!is_alias(other) || listing.name != other.summary.alias_of) continue;
      const auto values = differing(other.options, listing.options);
      aliases += fmt::format("{}`{}`{}", aliases.empty() ? "" : "; ", other.name, values.empty() ? "" : " with " + values);
    }
    if (aliases.empty() && listing.options.empty()) continue;
    page += fmt::format("\n### {}\n", listing.name);
    if (!aliases.empty()) page += fmt::format("\nAlso {}.\n", aliases);
    page += table(listing.options);
  }
  return page;
}

}  // namespace diva::inline v0_1
