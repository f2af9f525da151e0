#pragma once

#include "support/program.hpp"

#include <type_traits>

namespace program {

/// A flag `--FIELD` for each number, text and enumeration of an options aggregate, with its meaning and default.
template <diva::Described Options>
void add_options(CLI::App& app, Options& options) {
  describe(options, [&](const char* field, auto& value, const char* meaning, diva::Bounds = {}) {
    using Field = std::remove_reference_t<decltype(value)>;
    if constexpr (diva::NamedEnum<Field>) {
      add_enum(app, std::string("--") + field, value, meaning);
    } else if constexpr (!diva::Described<Field>) {
      app.add_option(std::string("--") + field, value, meaning)->capture_default_str();
    }
  });
}

}  // namespace program
