#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

/// The few calls of the system that files need, with errors as IoError.
namespace diva::detail {

/// `function: 'path' must be EXPECTED, got REASON` from errno.
[[noreturn]] void fail_system(std::string_view function, const std::string& path, std::string_view expected);

/// In bytes; 0 for pipes and the like.
std::uint64_t file_size(std::string_view function, const std::string& path, int descriptor);

/// Fills `bytes` from `offset`, or stops at the end of the file; returns how many bytes came.
std::size_t read_at(std::string_view function, const std::string& path, int descriptor, std::span<std::uint8_t> bytes,
                    std::uint64_t offset);

/// Writes everything; false, with errno set, when not.
bool write_all(int descriptor, std::span<const std::uint8_t> bytes);
bool write_all_at(int descriptor, std::span<const std::uint8_t> bytes, std::uint64_t offset);

/// The first `size` bytes (at least one) mapped, privately: written pages are copies. Unmapped with the last owner.
std::shared_ptr<std::uint8_t> map_file(std::string_view function, const std::string& path, int descriptor, std::uint64_t size);

}  // namespace diva::detail
