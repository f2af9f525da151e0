#pragma once

#include <diva/core/options.hpp>
#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>

namespace diva::inline v0_1 {

namespace detail {

/// JSON has no infinity: it is the text "inf" or "-inf" here (and NaN "nan"), where the JSON library would write null.
inline nlohmann::ordered_json number(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

}  // namespace detail

/// Options as JSON, in the order of their fields; enumerations by name, nested options as objects, infinities as texts.
template <Described Options>
nlohmann::ordered_json to_json(const Options& options) {
  auto copy = options;
  nlohmann::ordered_json result = nlohmann::ordered_json::object();
  describe(copy, [&](const char* name, auto& field, const char*, Bounds = {}) {
    using Field = std::remove_reference_t<decltype(field)>;
    if constexpr (Described<Field>) {
      result[name] = to_json(field);
    } else if constexpr (NamedEnum<Field>) {
      result[name] = to_string(field);
    } else if constexpr (std::floating_point<Field>) {
      result[name] = detail::number(field);
    } else {
      result[name] = field;
    }
  });
  return result;
}

namespace detail {

template <class Field>
void read_field(const std::string& where, const nlohmann::ordered_json& value, Field& field) {
  const auto wrong = [&](const char* expected) { fail<OptionError>("options", where, expected, value.dump()); };
  if constexpr (NamedEnum<Field>) {
    if (!value.is_string()) wrong("a name");
    for (const auto& [candidate, name] : enumerators(Field{})) {
      if (value.get<std::string>() == name) {
        field = candidate;
        return;
      }
    }
    fail_unknown("options", where, value.get<std::string>(), enumerator_names<Field>());
  } else if constexpr (std::same_as<Field, bool>) {
    if (!value.is_boolean()) wrong("true or false");
    field = value.get<bool>();
  } else if constexpr (std::integral<Field>) {
    if (!value.is_number_integer()) wrong("an integer");
    field = value.get<Field>();
  } else if constexpr (std::floating_point<Field>) {
    if (value == "inf" || value == "-inf") {
      field = (value == "inf" ? 1 : -1) * std::numeric_limits<Field>::infinity();
      return;
    }
    if (!value.is_number()) wrong("a number");
    field = value.get<Field>();
  } else if constexpr (std::same_as<Field, std::string>) {
    if (!value.is_string()) wrong("a text");
    field = value.get<std::string>();
  } else {  // a list
    if (!value.is_array()) wrong("a list");
    Field list;
    for (std::size_t i = 0; i < value.size(); ++i) {
      typename Field::value_type element{};
      read_field(where + "[" + std::to_string(i) + "]", value[i], element);
      list.push_back(std::move(element));
    }
    field = std::move(list);
  }
}

}  // namespace detail

/// Overwrites the fields that `json` names. OptionError for an unknown name (with the nearest known one), a wrong type or a value
/// out of bounds; then `options` is unchanged.
template <Described Options>
void from_json(const nlohmann::ordered_json& json, Options& options, const std::string& where = "options") {
  if (!json.is_object()) detail::fail<OptionError>("options", where, "a JSON object", json.dump());
  auto result = options;
  std::vector<std::string> known;
  describe(result, [&](const char* name, auto& field, const char*, Bounds = {}) {
    using Field = std::remove_reference_t<decltype(field)>;
    known.emplace_back(name);
    const auto found = json.find(name);
    if (found == json.end()) return;
    if constexpr (Described<Field>) {
      from_json(*found, field, where + "." + name);
    } else {
      detail::read_field(where + "." + name, *found, field);
    }
  });
  for (const auto& [name, value] : json.items()) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      detail::fail_unknown("options", where + "'s field", name, known);
  }
  validate_fields(where, result);
  options = std::move(result);
}

/// Parses a JSON text; OptionError with the parser's position when it is malformed.
inline nlohmann::ordered_json parse_json(const std::string& text, const std::string& where) {
  try {
    return nlohmann::ordered_json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    detail::fail<OptionError>("parse_json", where, "valid JSON", error.what());
  }
}

}  // namespace diva::inline v0_1
