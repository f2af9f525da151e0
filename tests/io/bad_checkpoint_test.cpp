#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/files.hpp>
#include <diva/core/generator.hpp>
#include <diva/io/torch_checkpoint.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "io/mutated.hpp"
#include "support/source_file.hpp"

namespace {

const std::string fixtures = source_file("tests/fixtures/checkpoints/");

/// True when the bytes were taken; false when an IoError that names the file was thrown. Anything else fails the test.
bool accepts(const Bytes& bytes) {
  try {
    // Every value is read, so that a sanitizer sees a tensor that reaches beyond its storage.
    for (const auto& [name, tensor] : diva::parse_torch_checkpoint(bytes, "bad.file").tensors) {
      REQUIRE(tensor.defined());
      if (tensor.numel() < 10'000) tensor.contiguous();  // an expanded view may be of any size
    }
    return true;
  } catch (const diva::IoError& error) {
    if (std::string(error.what()).find("bad.file") == std::string::npos) FAIL("no file in: " << error.what());
    return false;
  }
}

}  // namespace

TEST_CASE("a cut checkpoint is refused at every length") {
  for (const auto* name : {"zip.pth", "wide.pth", "stream.pth", "tar.pth"}) {
    const auto whole = diva::read_file(fixtures + name);
    REQUIRE(accepts(whole));
    // A tar archive ends in zeros, which nothing depends on.
    auto end = whole.size();
    while (std::string(name) == "tar.pth" && whole[end - 1] == 0) --end;
    for (std::size_t size = 0; size < end; ++size) {
      const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      INFO("first " << size << " of " << whole.size() << " bytes of " << name);
      CHECK_FALSE(accepts(part));
    }
  }
}

TEST_CASE("mutated checkpoints are refused or give no more than they hold") {
  for (const auto* name : {"zip.pth", "wide.pth", "stream.pth", "tar.pth"}) {
    const auto whole = diva::read_file(fixtures + name);
    for (std::uint64_t seed = 0; seed < 10'000; ++seed) {
      diva::Generator generator(seed);
      INFO(name << ", seed " << seed);
      accepts(mutated(whole, generator));
    }
  }
}

TEST_CASE("mutated pickles, which no checksum guards, are refused or give no more than they hold") {
  // In the stream of pickles the value's own lies between the description of the machine and the storages: most mutations of it
  // change its meaning, not its form.
  const auto whole = diva::read_file(fixtures + "stream.pth");
  int refused = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const int value : {0x00, 0x01, 0x7F, 0x80, 0xFF, int{'('}, int{'R'}, int{'t'}, int{'.'}}) {
      auto bytes = whole;
      bytes[i] = static_cast<std::uint8_t>(value);
      if (!accepts(bytes)) ++refused;
    }
  }
  CHECK(refused > 9'000);
}
