#pragma once

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

#include <fmt/format.h>
#include <sys/wait.h>
#include <diva/core/files.hpp>

#include <cstdlib>
#include <string>
#include <string_view>

/// A folder in which a program is run as from a shell.
class Shell : public TemporaryFolder {
 public:
  struct Result {
    int status;
    std::string out, error;
  };

  /// `program`: its path; `arguments`: as typed, in the folder.
  [[nodiscard]] Result run(const std::string& program, const std::string& arguments) const {
    const auto status = std::system(fmt::format("cd '{}' && '{}' {} > out.txt 2> error.txt", path(), program, arguments).c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text("out.txt"), text("error.txt")};
  }

  [[nodiscard]] std::string operator/(const std::string& name) const { return path() + "/" + name; }
  [[nodiscard]] std::string text(const std::string& name) const {
    const auto bytes = diva::read_file(*this / name);
    return {bytes.begin(), bytes.end()};
  }
  void write(const std::string& name, std::string_view text) const {
    diva::write_file_atomically(*this / name, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }

  /// The program ends with this status and one line on the error stream that holds `complaint`.
  void refuses(const std::string& program, const std::string& arguments, int status, const std::string& complaint) const {
    const auto result = run(program, arguments);
    INFO(arguments << "\n" << result.out << result.error);
    CHECK(result.status == status);
    CHECK(std::count(result.error.begin(), result.error.end(), '\n') == 1);
    CHECK(result.error.find(complaint) != std::string::npos);
    CHECK(result.out.empty());
  }
};
