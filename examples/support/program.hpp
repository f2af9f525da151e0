#pragma once

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <diva/core/error.hpp>
#include <diva/core/files.hpp>
#include <diva/core/options.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
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

/// Parses; returns an exit status when the program should end now (0: help; 2: a bad flag), or -1 to go on.
inline int parse(CLI::App& app, int argc, char** argv) {
  app.allow_extras();
  app.failure_message([](const CLI::App* failed, const CLI::Error& error) {
    return fmt::format("{}: {}; --help lists the flags\n", failed->get_name(), error.what());
  });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
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

/// Threads of LibTorch's operations and of the searches: `count`, or where that is 0 one for each processor, unless OMP_NUM_THREADS
/// says otherwise. LibTorch itself takes half of a virtual machine's processors for hyper-threads.
inline void use_threads(std::int64_t count = 0) {
  if (count == 0 && std::getenv("OMP_NUM_THREADS") != nullptr) return;
  at::set_num_threads(static_cast<int>(count > 0 ? count : std::max(1U, std::thread::hardware_concurrency())));
}

/// The flag `--NAME`, of an enumeration by its names.
template <diva::NamedEnum Enum>
CLI::Option* add_enum(CLI::App& app, const std::string& name, Enum& value, const std::string& meaning) {
  return app
      .add_option_function<std::string>(
          name,
          [&value](const std::string& text) {
            for (const auto& [candidate, known] : enumerators(Enum{})) {
              if (text == known) value = candidate;
            }
          },
          meaning)
      ->check(CLI::IsMember(diva::detail::enumerator_names<Enum>()))
      ->default_str(std::string(diva::to_string(value)));
}

/// Bytes of a text, for write_file_atomically.
inline std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// To a file, whole or not at all; "-" is the output stream.
inline void write_text(const std::string& path, const std::string& text) {
  if (path == "-") {
    fmt::print("{}", text);
  } else {
    diva::write_file_atomically(path, bytes_of(text));
  }
}

}  // namespace program
