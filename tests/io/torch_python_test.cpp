#include "support/catch.hpp"

#include <fmt/format.h>
#include <diva/io/npy.hpp>
#include <diva/io/torch_checkpoint.hpp>

#include <filesystem>
#include <string>

#include "support/python.hpp"
#include "support/source_file.hpp"
#include "support/temporary_folder.hpp"

TEST_CASE("checkpoints of the installed torch are read as Python reads them, and it reads those that are written here") {
  const auto python = python_with({"torch, numpy"});
  if (python.empty()) {
    WARN("no Python with torch: the round trip is skipped");
    return;
  }
  const TemporaryFolder folder;
  const auto script = fmt::format("{} '{}' ", python, source_file("tests/fixtures/checkpoints/make_checkpoints.py"));
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
