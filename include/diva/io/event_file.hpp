#pragma once

#include <diva/core/files.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace diva::inline v0_1 {
namespace detail {

/// CRC-32C (Castagnoli), as TFRecord files need it; 0xE3069283 for "123456789". About 1 byte a nanosecond.
std::uint32_t crc32c(std::span<const std::uint8_t> bytes);

}  // namespace detail

/// A file of scalars that TensorBoard shows: `tensorboard --logdir FOLDER`, also while it is written.
///
/// Source:  the TFRecord framing (length, checksum, data, checksum) and tensorflow's event.proto and summary.proto.
/// Edge:    each scalar reaches the file whole, in one write, or not at all. NaN and infinity are written; TensorBoard skips them.
/// Cost:    one system call and about 60 bytes a scalar.
/// Throws:  IoError with the path and the system's reason.
class EventFile {
 public:
  /// Makes `FOLDER/events.out.tfevents.SECONDS.HOST.PROCESS.NUMBER`, a name that no other file has. `first_step` > 0: a resumed
  /// run; TensorBoard then drops what earlier files of the folder have from this step on.
  explicit EventFile(const std::string& folder, std::int64_t first_step = 0);

  /// `tag` groups by its slashes: "evaluation/recall@1".
  void scalar(std::string_view tag, std::int64_t step, double value);

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  void record(const std::string& event);

  std::string path_;
  detail::Descriptor file_;
};

}  // namespace diva::inline v0_1
