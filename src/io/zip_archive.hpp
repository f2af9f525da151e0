#pragma once

#include <diva/core/files.hpp>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace diva::inline v0_1::detail {

/// A zip archive in memory: its directory is checked as a whole on construction, its entries as they are read.
///
/// Source:  PKWARE, .ZIP File Format Specification 6.3; entries stored or deflated, with the 64-bit fields where they are used.
/// Differs: entries may not lie over one another, so the stored entries together are no larger than the file; an entry that
///          claims more than deflate can make of its bytes (1032 for each) is refused before memory is taken.
/// Throws:  IoError with `function`, the file and the entry.
class ZipArchive {
 public:
  ZipArchive(std::string function, std::span<const std::uint8_t> bytes, std::string file);

  [[nodiscard]] std::vector<std::string> names() const;  ///< In alphabetical order.
  [[nodiscard]] bool contains(const std::string& name) const { return entries_.contains(name); }
  /// Bytes of an entry once read. IoError where there is none of that name.
  [[nodiscard]] std::uint64_t size(const std::string& name) const { return entry(name).size; }
  /// Fills `target`, of exactly the entry's size, and compares the checksum.
  void read(const std::string& name, std::span<std::uint8_t> target) const;

 private:
  struct Entry {
    std::uint16_t method = 0;
    std::uint32_t checksum = 0;
    std::uint64_t stored = 0;
    std::uint64_t size = 0;
    std::uint64_t header = 0;
  };
  struct Directory {
    std::uint64_t offset = 0, size = 0, entries = 0;
  };

  [[nodiscard]] std::uint64_t number(std::uint64_t offset, int bytes) const;
  [[nodiscard]] Directory find_directory() const;
  void read_directory(const Directory& directory);
  void read_wide_fields(Entry& entry, std::uint64_t extra, std::uint64_t extra_size, const std::string& name) const;
  [[nodiscard]] const Entry& entry(const std::string& name) const;
  [[nodiscard]] std::string entry_text(const std::string& name) const;
  [[noreturn]] void refuse(const std::string& what, std::string_view expected, std::string_view got) const;

  std::string function_;
  std::span<const std::uint8_t> bytes_;
  std::string file_;
  std::map<std::string, Entry> entries_;
};

/// Writes stored entries, their data at multiples of 64 bytes as PyTorch lays them out.
class ZipWriter {
 public:
  /// Sizes and offsets of `wide_from` and more get 64-bit fields: those that do not fit in 32 bits, or less for a test.
  explicit ZipWriter(AtomicFile& file, std::uint64_t wide_from = 0xFFFFFFFF) : file_(file), wide_from_(wide_from) {}

  void add(const std::string& name, std::span<const std::uint8_t> data);
  void finish();  ///< Once, after the last `add`; `commit` of the file is the caller's.

 private:
  struct Entry {
    std::string name;
    std::uint32_t checksum;
    std::uint64_t size;
    std::uint64_t header;
  };

  void write(std::span<const std::uint8_t> bytes);

  AtomicFile& file_;
  std::uint64_t wide_from_;
  std::uint64_t offset_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace diva::inline v0_1::detail
