#include "support/catch.hpp"

#include <fmt/format.h>
#include <diva/io/npy.hpp>
#include <diva/io/torch_checkpoint.hpp>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "support/temporary_folder.hpp"

namespace {

bool runs(const std::string& command) { return std::system(command.c_str()) == 0; }

/// The first of a few that can import torch; empty where none can.
std::string python_with_torch() {
  const char* const chosen = std::getenv("DIVA_PYTHON");
  for (const std::string python : {chosen != nullptr ? chosen : "python3", "/usr/bin/python3"}) {
    if (runs(python + " -c 'import torch, numpy' 2>/dev/null")) return python;
  }
  return {};
}

}  // namespace

TEST_CASE("checkpoints of the installed torch are read as Python reads them, and it reads those that are written here") {
  const auto python = python_with_torch();
  if (python.empty()) {
    WARN("no Python with torch: the round trip is skipped");
    return;
  }
  const TemporaryFolder folder;
  const auto script = fmt::format("{} '{}/tests/fixtures/checkpoints/make_checkpoints.py' ", python, DIVA_SOURCE_DIR);
  REQUIRE(runs(script + "write " + folder / ""));
  std::filesystem::create_directory(folder / "values");
  REQUIRE(runs(script + "expect " + folder / "values"));
  for (const auto* name : {"zip.pth", "stream.pth", "wide.pth"}) {
    INFO(name);
    const auto state = diva::read_torch_checkpoint(folder / name);
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder / "values")) {
      INFO(entry.path().string());
      ++count;
      const auto& tensor = state.tensor(entry.path().stem().string());
      const auto expected = diva::read_npy(entry.path().string());
      CHECK(torch::equal(tensor.to(expected.scalar_type()), expected));
    }
    CHECK(count == state.tensors.size());
    auto writable = state;
    writable.texts.erase("bytes");  // no text in Python's sense
    diva::write_torch_checkpoint(folder / "back.pth", writable);
    CHECK(runs(script + "compare " + folder / "back.pth"));
  }
}
