#include "support/catch.hpp"

#include <sys/stat.h>
#include <diva/core/error.hpp>
#include <diva/core/files.hpp>

#include <fstream>
#include <thread>

#include "io/file_size_limit.hpp"
#include "support/temporary_folder.hpp"

using Catch::Matchers::Contains;

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes numbers(std::size_t count) {
  Bytes bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::uint8_t>(i * 37 + i / 251);
  return bytes;
}

}  // namespace

TEST_CASE("files come back as they were written, empty ones too") {
  const TemporaryFolder folder;
  for (const std::size_t size : {0, 1, 4095, 4096, 4097, 3'000'000}) {
    diva::write_file_atomically(folder / "file", numbers(size));
    CHECK(diva::read_file(folder / "file") == numbers(size));
  }
  CHECK(folder.entries() == 1);
}

TEST_CASE("read_file reads a pipe to its end") {
  const TemporaryFolder folder;
  const auto pipe = folder / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::thread writer([&] {
    const auto bytes = numbers(200'000);
    std::ofstream(pipe, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  });
  const auto bytes = diva::read_file(pipe);
  writer.join();
  CHECK(bytes == numbers(200'000));
}

TEST_CASE("an atomic file is unseen until it is committed, and gone without a commit") {
  const TemporaryFolder folder;
  const auto path = folder / "file";
  diva::write_file_atomically(path, numbers(10));
  {
    diva::AtomicFile file(path);
    file.write(numbers(20));
    CHECK(diva::read_file(path) == numbers(10));
    CHECK(folder.entries() == 2);
  }
  CHECK(diva::read_file(path) == numbers(10));
  CHECK(folder.entries() == 1);

  diva::AtomicFile file(path);
  file.write(numbers(3));
  file.write(Bytes{9});
  file.commit();
  auto expected = numbers(3);
  expected.push_back(9);
  CHECK(diva::read_file(path) == expected);
  CHECK(folder.entries() == 1);
}

TEST_CASE("an atomic file's bytes are replaced where they stand, and what follows is appended") {
  const TemporaryFolder folder;
  diva::AtomicFile file(folder / "file");
  file.write(Bytes{0, 0, 3, 4});
  file.overwrite(1, Bytes{2});
  file.overwrite(0, Bytes{1});
  file.write(Bytes{5});
  file.commit();
  CHECK(diva::read_file(folder / "file") == Bytes{1, 2, 3, 4, 5});
}

TEST_CASE("two atomic files of the same name do not mix; the later commit stays") {
  const TemporaryFolder folder;
  diva::AtomicFile first(folder / "file"), second(folder / "file");
  first.write(Bytes{1});
  second.write(Bytes{2});
  second.commit();
  first.commit();
  CHECK(diva::read_file(folder / "file") == Bytes{1});
  CHECK(folder.entries() == 1);
}

TEST_CASE("errors of files name the path and the reason, and leave nothing behind") {
  const TemporaryFolder folder;
  CHECK_THROWS_AS(diva::read_file(folder / "absent"), diva::IoError);
  CHECK_THROWS_WITH(diva::read_file(folder / "absent"), Contains(folder / "absent") && Contains("No such file"));
  CHECK_THROWS_WITH(diva::read_file(folder / ""), Contains("Is a directory"));
  CHECK_THROWS_WITH(diva::write_file_atomically(folder / "no/file", numbers(1)),
                    Contains(folder / "no/file") && Contains("No such file"));
  // A folder of that name cannot be replaced by a file: the temporary was written, and must go.
  std::filesystem::create_directory(folder / "taken");
  CHECK_THROWS_WITH(diva::write_file_atomically(folder / "taken", numbers(1)), Contains(folder / "taken"));
  CHECK(folder.entries() == 1);
}

TEST_CASE("a full disk is an error that leaves the old file") {
  const TemporaryFolder folder;
  diva::write_file_atomically(folder / "file", numbers(10));
  {
    const FileSizeLimit limit(1000);
    CHECK_THROWS_AS(diva::write_file_atomically(folder / "file", numbers(3000)), diva::IoError);
  }
  CHECK(diva::read_file(folder / "file") == numbers(10));
  CHECK(folder.entries() == 1);
}
