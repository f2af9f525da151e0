#pragma once

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <diva/core/error.hpp>
#include <diva/core/options.hpp>

#include <cstdio>
#include <exception>
#include <functional>
#include <string>
#include <vector>

/// What every program does around its work: errors as one line, and the nearest known flag for a mistyped one.
namespace program {

inline std::vector<std::string> flags(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

/// Parses; returns an exit status when the program should end now (help, or a bad flag), or -1 to go on.
inline int parse(CLI::App& app, int argc, char** argv) {
  app.allow_extras();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  for (const auto& unknown : app.remaining()) {
    const auto near = diva::nearest_name(unknown.substr(0, unknown.find('=')), flags(app));
    fmt::print(stderr, "{}: '{}' is no flag of this program{}; --help lists them\n", app.get_name(), unknown,
               near.empty() ? "" : fmt::format(" (did you mean {}?)", near));
    return 2;
  }
  return -1;
}

/// Runs the program's work; an error becomes one line on the error stream and status 1.
inline int guarded(const std::string& name, const std::function<int()>& work) {
  try {
    return work();
  } catch (const diva::Error& error) {
    fmt::print(stderr, "{}: {}\n", name, error.what());
  } catch (const c10::Error& error) {
    fmt::print(stderr, "{}: LibTorch: {}\n", name, error.what_without_backtrace());
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", name, error.what());
  }
  return 1;
}

}  // namespace program
