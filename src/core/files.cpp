#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <diva/core/error.hpp>
#include <diva/core/files.hpp>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <system_error>

namespace diva::inline v0_1 {
namespace detail {

void fail_system(std::string_view function, const std::string& path, std::string_view expected) {
  fail<IoError>(function, fmt::format("'{}'", path), expected, std::generic_category().message(errno));
}

Descriptor::Descriptor(std::string_view function, const std::string& path, int flags, std::string_view expected)
    : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {
  if (descriptor_ < 0) fail_system(function, path, expected);
}

Descriptor::~Descriptor() { ::close(descriptor_); }

std::uint64_t file_size(std::string_view function, const std::string& path, int descriptor) {
  struct stat information {};
  if (::fstat(descriptor, &information) != 0) fail_system(function, path, "a readable file");
  return S_ISREG(information.st_mode) ? static_cast<std::uint64_t>(information.st_size) : 0;
}

std::size_t read_at(std::string_view function, const std::string& path, int descriptor, std::span<std::uint8_t> bytes,
                    std::uint64_t offset) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto count = ::pread(descriptor, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (count == 0) break;
    if (count > 0) {
      done += static_cast<std::size_t>(count);
    } else if (errno != EINTR) {
      fail_system(function, path, "a readable file");
    }
  }
  return done;
}

bool write_all(int descriptor, std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const auto count = ::write(descriptor, bytes.data(), bytes.size());
    if (count >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

void append_whole(std::string_view function, const std::string& path, int descriptor, std::span<const std::uint8_t> bytes) {
  const auto size = file_size(function, path, descriptor);
  if (write_all(descriptor, bytes)) return;
  const auto reason = errno;
  // If even cutting it off fails, the first error stands all the same.
  if (::ftruncate(descriptor, static_cast<off_t>(size)) != 0) errno = reason;
  errno = reason;
  fail_system(function, path, "writable");
}

bool write_all_at(int descriptor, std::span<const std::uint8_t> bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const auto count = ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(count));
      offset += static_cast<std::uint64_t>(count);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

std::shared_ptr<std::uint8_t> map_file(std::string_view function, const std::string& path, int descriptor, std::uint64_t size) {
  // Private and writable: a tensor may be written to, and the file still never changes.
  void* const start = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, descriptor, 0);
  if (start == MAP_FAILED) fail_system(function, path, "a file that can be mapped");
  return {static_cast<std::uint8_t*>(start), [size](std::uint8_t* mapped) { ::munmap(mapped, size); }};
}

}  // namespace detail

std::vector<std::uint8_t> read_file(const std::string& path) {
  const detail::Descriptor file("read_file", path, O_RDONLY, "a readable file");
  // One byte more than expected, so that a file's end is seen without growing the buffer.
  std::vector<std::uint8_t> bytes(detail::file_size("read_file", path, file.get()) + 1);
  std::size_t size = 0;
  while (true) {
    const auto count = ::read(file.get(), bytes.data() + size, bytes.size() - size);
    if (count == 0) break;
    if (count < 0 && errno != EINTR) detail::fail_system("read_file", path, "a readable file");
    if (count > 0) size += static_cast<std::size_t>(count);
    if (size == bytes.size()) bytes.resize(2 * size + 4096);
  }
  bytes.resize(size);
  return bytes;
}

namespace {

std::filesystem::path folder_of(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder;
}

std::string temporary_name(const std::string& path) {
  static std::atomic<int> number = 0;
  const auto name = std::filesystem::path(path).filename().string();
  return (folder_of(path) / fmt::format(".{}.{}.{}.tmp", name, ::getpid(), number++)).string();
}

}  // namespace

AtomicFile::AtomicFile(std::string path)
    : path_(std::move(path)),
      temporary_(temporary_name(path_)),
      file_("write_file_atomically", temporary_, O_WRONLY | O_CREAT | O_TRUNC,
            fmt::format("writable, as '{}' is made from it", path_)) {}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::uint8_t> bytes) {
  if (!detail::write_all(file_.get(), bytes)) detail::fail_system("write_file_atomically", path_, "writable");
}

void AtomicFile::overwrite(std::uint64_t offset, std::span<const std::uint8_t> bytes) {
  if (!detail::write_all_at(file_.get(), bytes, offset)) detail::fail_system("write_file_atomically", path_, "writable");
}

void AtomicFile::commit() {
  if (::fsync(file_.get()) != 0) detail::fail_system("write_file_atomically", path_, "writable to the disk");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) detail::fail_system("write_file_atomically", path_, "a name for a file");
  temporary_.clear();
  const detail::Descriptor folder("write_file_atomically", folder_of(path_).string(), O_RDONLY | O_DIRECTORY, "a readable folder");
  // Some file systems cannot sync a folder and say EINVAL; they have no more to offer.
  if (::fsync(folder.get()) != 0 && errno != EINVAL)
    detail::fail_system("write_file_atomically", path_, "in a folder that can be synced");
}

void write_file_atomically(const std::string& path, std::span<const std::uint8_t> bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

}  // namespace diva::inline v0_1
