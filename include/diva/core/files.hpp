#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace diva::inline v0_1 {
namespace detail {

/// An open file of the system, closed at the end of its life.
class Descriptor {
 public:
  /// open(2) with close-on-exec; IoError `function: 'path' must be EXPECTED, got REASON`.
  Descriptor(std::string_view function, const std::string& path, int flags, std::string_view expected);
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

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

/// Appends everything or, where the disk is full, nothing: half of it would spoil the file for the next reader. Throws: IoError.
void append_whole(std::string_view function, const std::string& path, int descriptor, std::span<const std::uint8_t> bytes);

/// The first `size` bytes (at least one) mapped, privately: written pages are copies. Unmapped with the last owner.
std::shared_ptr<std::uint8_t> map_file(std::string_view function, const std::string& path, int descriptor, std::uint64_t size);

}  // namespace detail

/// The bytes of a file; pipes are read to their end.
///
/// Throws:  IoError with the path and the system's reason.
std::vector<std::uint8_t> read_file(const std::string& path);

/// A file that appears under its name only when it is complete.
///
/// Bytes go to a temporary file `.NAME.PROCESS.NUMBER.tmp` in the same folder. `commit` syncs it, renames it to `path`, and syncs
/// the folder, so after a power cut either the old or the new file is there. Without a commit the temporary is removed and a file
/// that was there before stays as it was. Only a killed process leaves a temporary behind; no reader takes it for the file.
///
/// Edge:    a symbolic link at `path` is replaced, not followed.
/// Throws:  IoError with the path and the system's reason.
class AtomicFile {
 public:
  explicit AtomicFile(std::string path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::uint8_t> bytes);
  /// Replaces bytes that were written before: a header whose numbers are known only at the end.
  void overwrite(std::uint64_t offset, std::span<const std::uint8_t> bytes);
  void commit();  ///< Once, after the last `write`.

 private:
  std::string path_;
  std::string temporary_;  ///< Empty once committed.
  detail::Descriptor file_;
};

/// Writes a whole file through AtomicFile.
void write_file_atomically(const std::string& path, std::span<const std::uint8_t> bytes);

}  // namespace diva::inline v0_1
