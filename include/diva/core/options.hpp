#pragma once

#include <diva/core/error.hpp>

#include <array>
#include <cmath>
#include <concepts>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace diva::inline v0_1 {

/// Which form of a formula to compute, where paper, reference codes and common sense differ; each option says how.
enum class Variant {
  fixed,  ///< What is right; the default everywhere.
  paper,  ///< What the paper prints.
  repo,   ///< What the authors' code computes, for comparison with it.
  pml,    ///< What pytorch-metric-learning computes, for comparison with it.
};

constexpr auto enumerators(Variant) {
  return std::array{std::pair{Variant::fixed, "fixed"}, std::pair{Variant::paper, "paper"}, std::pair{Variant::repo, "repo"},
                    std::pair{Variant::pml, "pml"}};
}

/// The values that a numeric option may take; open ends exclude the bound itself.
struct Bounds {
  double lower = -std::numeric_limits<double>::infinity();
  double upper = std::numeric_limits<double>::infinity();
  bool lower_open = false;
  bool upper_open = false;

  [[nodiscard]] constexpr bool contain(double value) const {
    return (lower_open ? value > lower : value >= lower) && (upper_open ? value < upper : value <= upper);
  }
  [[nodiscard]] std::string text() const;  ///< "in (0, 2)", "at least 0", …
};

inline constexpr Bounds any_value{};
inline constexpr Bounds non_negative{.lower = 0};
inline constexpr Bounds positive{.lower = 0, .lower_open = true};
inline constexpr Bounds at_least(double lower) { return {.lower = lower}; }
inline constexpr Bounds between(double lower, double upper) { return {.lower = lower, .upper = upper}; }

/// An options aggregate whose fields are described once: a free function beside it,
///
///   template <class Visitor> void describe(MarginLossOptions& options, Visitor&& visit) {
///     visit("boundary", options.boundary, "β: where positives end and negatives begin", positive);
///   }
///
/// from which validation, JSON, command-line help and the documentation are made. Enumerations give their names by a constexpr
/// function `enumerators(Enum)` that returns an array of pairs.
template <class Options>
concept Described = std::is_aggregate_v<Options> && requires(Options& options) {
  describe(options, [](const char*, auto&, const char*, Bounds = {}) {});
};

template <class Enum>
concept NamedEnum = std::is_enum_v<Enum> && requires {
  enumerators(Enum{});
};

/// The name of an enumerator, as in JSON and on the command line.
template <NamedEnum Enum>
std::string_view to_string(Enum value) {
  for (const auto& [candidate, name] : enumerators(Enum{})) {
    if (candidate == value) return name;
  }
  return "?";
}

/// The entry of `names` that differs from `name` by the fewest edits, or nothing when none is near; for messages.
std::string nearest_name(std::string_view name, const std::vector<std::string>& names);

namespace detail {

/// "'beta': expected one of boundary, margin; did you mean …" in one place, for every kind of name.
[[noreturn]] void fail_unknown(std::string_view function, std::string_view kind, std::string_view name,
                               const std::vector<std::string>& known);

template <NamedEnum Enum>
std::vector<std::string> enumerator_names() {
  std::vector<std::string> names;
  for (const auto& [value, name] : enumerators(Enum{})) names.emplace_back(name);
  return names;
}

template <class Field>
void check_field(std::string_view function, std::string_view name, const Field& value, const Bounds& bounds) {
  if constexpr (std::is_arithmetic_v<Field> && !std::same_as<Field, bool>) {
    if (!bounds.contain(static_cast<double>(value))) fail<OptionError>(function, name, bounds.text(), std::to_string(value));
  } else if constexpr (std::same_as<Field, std::vector<double>> || std::same_as<Field, std::vector<std::int64_t>>) {
    for (const auto element : value) check_field(function, name, element, bounds);
  }
}

}  // namespace detail

/// Throws OptionError when a field is outside its bounds (NaN always is); nested options are checked too.
template <Described Options>
void validate_fields(std::string_view function, const Options& options) {
  auto copy = options;
  describe(copy, [&](const char* name, auto& field, const char*, Bounds bounds = {}) {
    if constexpr (Described<std::remove_reference_t<decltype(field)>>) {
      validate_fields(std::string(function) + "." + name, field);
    } else {
      detail::check_field(function, name, field, bounds);
    }
  });
}

}  // namespace diva::inline v0_1
