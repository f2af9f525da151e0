#pragma once

#include <diva/core/options.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace diva::inline v0_1 {

/// What the documentation says of a registered concept in one line of its registry.
struct Summary {
  const char* formula = "";        ///< In plain text, symbols of the concept's header: "Σ (D_ap − D_an + m)₊ / n".
  const char* source = "";         ///< Authors, venue and year, or the reference code that it comes from.
  const char* cost = "";           ///< Time, and memory where it is more than linear in the batch: "O(T·D)".
  const char* alias_of = nullptr;  ///< Another name of this concept, perhaps with defaults of its own; the rest is then empty.
};

/// The summary of a second name.
constexpr Summary alias_of(const char* name) { return {.alias_of = name}; }

/// One field of an options aggregate, nested ones with dots in their names.
struct OptionText {
  std::string name;
  std::string value;  ///< The default, as in JSON.
  std::string range;  ///< "at least 0", "fixed, paper, repo", or nothing where any value will do.
  std::string meaning;
};

/// A concept of a registry: all that `--list` and the page of objectives say.
struct Listing {
  std::string name;
  Summary summary;
  std::vector<OptionText> options;
};

namespace detail {

std::string value_text(bool value);
std::string value_text(std::int64_t value);
std::string value_text(double value);
std::string value_text(const std::string& value);

template <class Value>
std::string value_text(const std::vector<Value>& values) {
  std::string text;
  for (const auto& value : values) text += (text.empty() ? "" : ", ") + value_text(value);
  return "[" + text + "]";
}

}  // namespace detail

/// The fields of options with these values as their defaults.
template <Described Options>
std::vector<OptionText> option_texts(Options options, const std::string& prefix = "") {
  std::vector<OptionText> texts;
  describe(options, [&](const char* name, auto& field, const char* meaning, Bounds bounds = {}) {
    using Field = std::remove_reference_t<decltype(field)>;
    if constexpr (Described<Field>) {
      for (auto& text : option_texts(field, prefix + name + ".")) texts.push_back(std::move(text));
    } else if constexpr (NamedEnum<Field>) {
      std::string range;
      for (const auto& known : detail::enumerator_names<Field>()) range += (range.empty() ? "" : ", ") + known;
      texts.push_back({prefix + name, std::string(to_string(field)), range, meaning});
    } else {
      const bool any = bounds.text() == any_value.text();
      texts.push_back({prefix + name, detail::value_text(field), any ? "" : bounds.text(), meaning});
    }
  });
  return texts;
}

/// A registry as a page's section: a heading, a table of names with formula, source and cost, the options that all have in
/// `common`, and for each name its other names and its options where it has some.
std::string to_markdown(std::string_view title, const std::vector<Listing>& listings, const std::vector<OptionText>& common = {});

namespace detail {

/// A registry is an array of these: name, factory, summary and options, of which a line may leave off what it does not have.
template <class Factory>
struct RegistryLine {
  const char* name;
  Factory make;
  Summary summary = {};
  std::vector<OptionText> (*options)() = nullptr;  ///< options_of<…>
};

/// The options of a line: those of an aggregate with its own defaults, or what a function of no arguments returns.
template <class Options>
std::vector<OptionText> options_of() {
  return option_texts(Options{});
}
template <auto preset>
std::vector<OptionText> options_of() {
  return option_texts(preset());
}

template <class Lines>
std::vector<Listing> listings(const Lines& lines) {
  std::vector<Listing> result;
  result.reserve(std::size(lines));
  for (const auto& line : lines)
    result.push_back({line.name, line.summary, line.options ? line.options() : std::vector<OptionText>{}});
  return result;
}

template <class Lines>
std::vector<std::string> names(const Lines& lines) {
  std::vector<std::string> result;
  result.reserve(std::size(lines));
  for (const auto& line : lines) result.emplace_back(line.name);
  return result;
}

/// The line of a name; OptionError with the nearest known one.
template <class Lines>
const auto& find_line(std::string_view function, std::string_view name, const Lines& lines) {
  for (const auto& line : lines) {
    if (name == line.name) return line;
  }
  fail_unknown(function, "name", name, names(lines));
}

}  // namespace detail
}  // namespace diva::inline v0_1
