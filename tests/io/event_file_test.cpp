#include "support/catch.hpp"

#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/core/files.hpp>
#include <diva/io/event_file.hpp>

#include <cstring>
#include <string>
#include <vector>

#include "io/file_size_limit.hpp"
#include "support/python.hpp"
#include "support/temporary_folder.hpp"

using diva::EventFile;
using diva::detail::crc32c;

namespace {

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// The data of each record, its length and both checksums verified.
std::vector<std::string> records_of(const std::string& path) {
  const auto bytes = diva::read_file(path);
  const auto word = [&](std::size_t at, auto value) {
    REQUIRE(at + sizeof value <= bytes.size());
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
  };
  const auto masked = [&](std::size_t at, std::size_t size) {
    const auto sum = crc32c({bytes.data() + at, size});
    return ((sum >> 15) | (sum << 17)) + 0xA282EAD8U;
  };
  std::vector<std::string> records;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto size = word(at, std::uint64_t{});
    REQUIRE(word(at + 8, std::uint32_t{}) == masked(at, 8));
    REQUIRE(word(at + 12 + size, std::uint32_t{}) == masked(at + 12, size));
    records.emplace_back(bytes.begin() + static_cast<std::ptrdiff_t>(at + 12),
                         bytes.begin() + static_cast<std::ptrdiff_t>(at + 12 + size));
    at += 16 + size;
  }
  return records;
}

}  // namespace

TEST_CASE("crc32c gives the published values") {
  CHECK(crc32c(bytes_of("123456789")) == 0xE3069283U);              // the check value of the catalogue of CRCs
  CHECK(crc32c(bytes_of(std::string(32, '\0'))) == 0x8A9136AAU);    // RFC 3720, B.4: 32 bytes of zeros
  CHECK(crc32c(bytes_of(std::string(32, '\xFF'))) == 0x62A8AB43U);  // and of ones
  CHECK(crc32c({}) == 0);
}

TEST_CASE("event files hold the version and each scalar as the protocol buffers say") {
  const TemporaryFolder folder;
  EventFile file(folder / "log");
  file.scalar("loss", 300, 0.5);
  file.scalar("a/b", 1, -1);
  const auto records = records_of(file.path());
  REQUIRE(records.size() == 3);
  // 0x09 wall_time (8 bytes), 0x10 step, 0x1A file_version of 13 bytes.
  CHECK(records[0].substr(0, 1) == "\x09");
  CHECK(records[0].substr(9) == std::string("\x10\x00\x1A\x0D", 4) + "brain.Event:2");
  // Step 300 = 0b10'0101100: the bytes AC 02. 0x2A summary of 13 bytes: 0x0A value of 11: 0x0A tag of 4, 0x15 the float 0.5.
  CHECK(records[1].substr(9) == std::string("\x10\xAC\x02\x2A\x0D\x0A\x0B\x0A\x04loss\x15\x00\x00\x00\x3F", 18));
  CHECK(records[2].substr(9) == std::string("\x10\x01\x2A\x0C\x0A\x0A\x0A\x03"
                                            "a/b\x15\x00\x00\x80\xBF",
                                            16));
}

TEST_CASE("event files of one folder have names of their own, and that of a resumed run says from which step on it counts") {
  const TemporaryFolder folder;
  const EventFile first(folder / ""), second(folder / "", 7);
  CHECK(first.path() != second.path());
  CHECK(records_of(first.path()).size() == 1);
  const auto records = records_of(second.path());
  REQUIRE(records.size() == 2);
  CHECK(records[1].substr(9) == std::string("\x10\x07\x3A\x02\x08\x01", 6));  // step 7, session_log of 2 bytes: status START
}

TEST_CASE("event files that cannot be written name their path and keep what they held") {
  const TemporaryFolder folder;
  EventFile file(folder / "");
  file.scalar("loss", 1, 1);
  {
    const FileSizeLimit limit(diva::read_file(file.path()).size() + 10);
    CHECK_THROWS_WITH(file.scalar("loss", 2, 1), Catch::Matchers::Contains(file.path()));
  }
  file.scalar("loss", 3, 1);
  CHECK(records_of(file.path()).size() == 3);
  diva::write_file_atomically(folder / "taken", bytes_of("x"));
  CHECK_THROWS_AS(EventFile(folder / "taken"), diva::IoError);
}

TEST_CASE("TensorBoard reads event files, and drops what a resumed run does again") {
  const auto python = python_with({"tensorboard"});
  if (python.empty()) {
    WARN("no Python with TensorBoard: reading by it is skipped");
    return;
  }
  const TemporaryFolder folder;
  {
    EventFile file(folder / "");
    for (int step = 1; step <= 5; ++step) file.scalar("train/loss", step, 1.0 / step);
  }
  EventFile resumed(folder / "", 4);
  resumed.scalar("train/loss", 4, 0.75);
  const auto script = fmt::format(
      "from tensorboard.backend.event_processing.event_accumulator import EventAccumulator as A\n"
      "a = A('{}'); a.Reload()\n"
      "found = [(e.step, round(e.value, 4)) for e in a.Scalars('train/loss')]\n"
      "assert found == [(1, 1.0), (2, 0.5), (3, 0.3333), (4, 0.75)], found\n",
      folder / "");
  diva::write_file_atomically(folder / "read.py", bytes_of(script));
  CHECK(runs(fmt::format("{} '{}'", python, folder / "read.py")));
}
