#include "support/catch.hpp"

#include <fmt/format.h>
#include <diva/io/npy.hpp>

#include <filesystem>
#include <string>

#include "support/python.hpp"
#include "support/source_file.hpp"
#include "support/temporary_folder.hpp"

TEST_CASE("arrays of NumPy in every type, byte order, order, shape and version come back to NumPy unchanged") {
  const auto python = python_with({"numpy"});
  if (python.empty()) {
    WARN("no Python with NumPy: the round trip is skipped");
    return;
  }
  const TemporaryFolder folder;
  const auto script = fmt::format("{} '{}' ", python, source_file("tests/io/npy_round_trip.py"));
  REQUIRE(runs(script + "write " + folder / ""));
  int arrays = 0;
  for (; std::filesystem::exists(folder / fmt::format("{}.npy", arrays)); ++arrays) {
    INFO(arrays);
    const auto path = folder / fmt::format("{}.npy", arrays);
    const auto array = diva::read_npy(path);
    CHECK(diva::map_npy(path).equal(array));
    diva::write_npy(folder / fmt::format("{}.back.npy", arrays), array);
  }
  CHECK(arrays == 864);
  diva::NpyWriter writer(folder / "rows.npy", torch::kFloat32, {2});
  writer.append(torch::tensor({1.5, 2.0, 3.0, 4.0}).reshape({2, 2}));
  writer.append(torch::empty({0, 2}));
  writer.append(torch::tensor({5.0, 6.0}).reshape({1, 2}));
  writer.commit();

  const std::vector<std::string> names = {"a", "β", "🦆", ""};
  CHECK(diva::read_npy_texts(folder / "names.npy") == names);
  CHECK(diva::read_npy_texts(folder / "big_endian_names.npy") == names);
  CHECK(diva::read_npy_texts(folder / "bytes.npy") == std::vector<std::string>{"one", "three"});
  CHECK(runs(script + "compare " + folder / ""));
}
