// Any bytes are read as a MAT file, or refused by an error that names it.
#include <diva/core/error.hpp>
#include <diva/io/mat.hpp>

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    diva::parse_mat({data, size}, "fuzz.file");
  } catch (const diva::IoError& error) {
    if (std::string(error.what()).find("fuzz.file") == std::string::npos) std::abort();
  }
  return 0;
}
