// The reader of torch.save's files: any bytes give a state whose tensors can be read, or an IoError. Corpus:
// tests/fixtures/checkpoints.
#include <diva/core/error.hpp>
#include <diva/io/torch_checkpoint.hpp>

#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    for (const auto& [name, tensor] : diva::parse_torch_checkpoint(std::span(data, size), "fuzzed").tensors) {
      if (tensor.numel() < 10'000) tensor.contiguous();  // an expanded view may be of any size
    }
  } catch (const diva::IoError&) {
  }
  return 0;
}
