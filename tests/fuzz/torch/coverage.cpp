// Coverage for libFuzzer from GCC's instruments: Clang, which libFuzzer is part of, cannot compile LibTorch's headers in C++20 with
// this standard library. GCC calls a function at every edge; libFuzzer reads counters of a section of this name.
#include <cstddef>
#include <cstdint>

namespace {

constexpr std::size_t size = std::size_t{1} << 16;
__attribute__((section("__libfuzzer_extra_counters"), used)) std::uint8_t counters[size];

}  // namespace

extern "C" void __sanitizer_cov_trace_pc() {
  const auto place = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
  ++counters[(place ^ place >> 16) % size];
}
