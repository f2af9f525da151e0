#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace diva {

/// The bytes of a file; pipes are read to their end.
///
/// Throws:  IoError with the path and the system's reason.
std::vector<std::uint8_t> read_file(const std::string& path);

/// A file that appears under its name only when it is complete.
///
/// Bytes go to a temporary file `.NAME.PROCESS.NUMBER.tmp` in the same folder. `commit` syncs it, renames it to `path`, and syncs the
/// folder, so after a power cut either the old or the new file is there. Without a commit the temporary is removed and a file that
/// was there before stays as it was. Only a killed process leaves a temporary behind; no reader takes it for the file.
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
  void commit();  ///< Once, after the last `write`.

 private:
  std::string path_;
  std::string temporary_;
  int descriptor_ = -1;
};

/// Writes a whole file through AtomicFile.
void write_file_atomically(const std::string& path, std::span<const std::uint8_t> bytes);

}  // namespace diva
