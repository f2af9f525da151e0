// The reader of safetensors: any bytes give a state, or an IoError. Corpus: tests/golden.
#include <diva/core/error.hpp>
#include <diva/io/safetensors.hpp>

#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    diva::parse_safetensors(std::span(data, size), "fuzzed");
  } catch (const diva::IoError&) {
  }
  return 0;
}
