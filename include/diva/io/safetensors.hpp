#pragma once

#include <diva/core/state.hpp>

#include <cstdint>
#include <span>
#include <string>

namespace diva::inline v0_1 {

/// Reads a safetensors file: tensors on the CPU, the header's `__metadata__` as texts.
///
/// Layout: eight bytes little-endian header length, JSON `{name: {dtype, shape, data_offsets}, "__metadata__": {name: text}}`,
/// data. Everything is checked against the size of the file before any tensor is allocated: the length of the header, its JSON,
/// names that occur twice, types, shapes whose product overflows or disagrees with the offsets, offsets that overlap, leave a hole
/// or do not end with the file. So a damaged file costs no more memory than its size.
///
/// Source:  the format's description, github.com/huggingface/safetensors.
/// Differs: the common readers let a BOOL byte be any value; here it must be 0 or 1, since others are undefined behaviour in C++.
/// Edge:    types F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL; others (8-bit floats, larger unsigned integers) are refused by name.
/// Cost:    each tensor is read once, straight into its own memory; dropping one frees it.
/// Throws:  IoError with the file and, where it is one tensor's fault, the tensor.
State read_safetensors(const std::string& path);

/// As read_safetensors, but tensors are the file itself, mapped into memory: nothing is read before it is used, and a file may be
/// larger than memory. Writing to a tensor changes a private copy of the page, never the file.
///
/// Edge:    BOOL tensors and those at an address that is not a multiple of their element's size are read. The file may be replaced
///          by another of its name (rename) while it is mapped, but not shortened: the system then ends the process (SIGBUS).
/// Cost:    O(header), plus the pages that are used; the map stays until the last of its tensors goes.
State map_safetensors(const std::string& path);

/// read_safetensors from memory; `name` stands for the path in messages. The tensors are copies.
State parse_safetensors(std::span<const std::uint8_t> bytes, const std::string& name);

/// Writes a state as a safetensors file through AtomicFile: equal states give equal bytes.
///
/// Tensors lie in order of falling element size, then name, after a header padded to eight bytes, so that each is aligned for its
/// type in a mapped file. Those on another device or not contiguous are copied one at a time.
///
/// Throws:  IoError with the file and the entry that cannot be written: an undefined, sparse or complex tensor, the name
///          `__metadata__`, a text that is not UTF-8; or with the system's reason.
void write_safetensors(const std::string& path, const State& state);

}  // namespace diva::inline v0_1
